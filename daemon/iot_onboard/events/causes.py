"""The advice for each cause that may end by itself, in case it does not. Pure."""

from __future__ import annotations

from ..aliyun import codes
from ..core.advice import SLOWLY, SOON, Advice, Responsible
from ..core.failures import Cause

_DOCTOR = "`iot-onboard doctor` tests each step of the connection to the platform, and names the first step that fails."

CAUSES = {
    Cause.NETWORK: Advice(
        meaning="the connection was not made, or it was lost",
        cure="check the cable, Wi-Fi or SIM, and that the firewall allows this gateway to connect out",
        responsible=Responsible.NETWORK,
        explanation="No server answered this gateway at that address and port, or the connection was interrupted.",
        steps=(
            "`ip route` must show a default route. If it does not, check the cable, the Wi-Fi or the SIM.",
            "If there is a default route, a firewall may block the connection. Outbound TCP ports 443 (registration) "
            "and 8883 (MQTT) must be open.",
            _DOCTOR,
        ),
        then=SOON,
    ),
    Cause.NAME_LOOKUP: Advice(
        meaning="a host name does not resolve",
        cure="check that this gateway has a network, and a DNS server that answers",
        responsible=Responsible.NETWORK,
        explanation="The gateway asked for the address of the platform's host, and no DNS server gave one. Most often "
        "there is no network at all, or the DNS server that DHCP named does not answer. A typing error in region, "
        "instance_id or mqtt.host looks the same.",
        steps=(
            "`getent hosts iot-auth.cn-shanghai.aliyuncs.com` must print an address. /etc/resolv.conf names the DNS "
            "server in use.",
            "Check the cable, Wi-Fi or SIM, and the DNS setting of the router.",
            "If other names resolve, check region, instance_id, mqtt.host and registration.url in "
            "/etc/iot-onboard/config.yaml and conf.d/.",
        ),
        then=SOON,
    ),
    Cause.PROXY: Advice(
        meaning="the proxy refused the connection, or did not answer",
        cure="check the key proxy in the configuration, and ask the administrator of the proxy to allow this host and "
        "port",
        responsible=Responsible.NETWORK,
        explanation="The configuration names a proxy. It did not answer, or it refused to connect to the platform.",
        steps=(
            "Check host, port, user name and password of the key proxy in /etc/iot-onboard/config.yaml and conf.d/.",
            "The proxy must allow CONNECT to the hosts that `iot-onboard status` shows, on ports 443 and 8883. 407 "
            "means that the user name or the password is wrong. 403 means that the host or port is not allowed.",
            "If no proxy is needed here, remove the key.",
        ),
        then=SOON,
    ),
    Cause.TLS: Advice(
        meaning="the gateway does not accept the server's certificate or its TLS",
        cure="check that no device on the network path decrypts TLS; a company's own certificate goes into tls.ca_file",
        responsible=Responsible.NETWORK,
        explanation="The server that answered could not prove that it is the platform. The reason can be a firewall "
        "that decrypts TLS connections, a captive portal, or a wrong host. Verification cannot be switched off.",
        steps=(
            "`iot-onboard doctor` shows the certificate that the server sent. Its issuer names who answered.",
            "If it is your own firewall, exclude the platform's hosts from its inspection. Or put the firewall's "
            "root certificate (PEM) into a file, and name that file in tls.ca_file.",
            "If mqtt.host, mqtt.port or registration.url is set, check it. The defaults are right for most gateways.",
        ),
        then=SOON,
    ),
    Cause.TLS_DATE: Advice(
        meaning="the server's certificate is outside its dates",
        cure="check this gateway's clock (timedatectl); if the clock is right, the server's certificate has expired",
        responsible=Responsible.GATEWAY,
        explanation="By this gateway's clock, the certificate has expired or is not valid yet. The clock is the usual "
        "cause: a board without a battery starts with a date in the past.",
        steps=(
            "`timedatectl` must show the right date and `System clock synchronized: yes`. If it does not, allow NTP "
            "(UDP port 123) to a time server, or set one in /etc/systemd/timesyncd.conf.",
            "If the clock is right, the certificate has really expired: `iot-onboard doctor` shows whose it is.",
        ),
        then=SOON + "; also at once when the clock is set",
    ),
    Cause.TIMEOUT: Advice(
        meaning="no answer within the time limit",
        cure="check the quality of the network, and firewalls that silently drop packets",
        responsible=Responsible.NETWORK,
        explanation="The gateway sent packets and got no answer in time. A firewall drops them, the link is very bad, "
        "or large packets are lost (MTU).",
        steps=(
            "Outbound TCP ports 443 and 8883 must be open.",
            "On mobile links or tunnels, try a smaller MTU (`ip link set dev NAME mtu 1400`).",
            _DOCTOR,
        ),
        then=SOON,
    ),
    Cause.PLATFORM: codes.PLATFORM_FAULT,
    Cause.ANSWER: Advice(
        meaning="the answer is not from the platform",
        cure="check whether a captive portal or a proxy answers instead of the platform",
        responsible=Responsible.NETWORK,
        explanation="The registration got an answer that the platform does not give: a sign-in page, a redirect, or "
        "an error page of a proxy.",
        steps=(
            "If this network asks guests to sign in (hotel, campus), sign in, or ask the administrator to exempt "
            "this gateway.",
            "If registration.url or proxy is set in /etc/iot-onboard/config.yaml or conf.d/, check it.",
        ),
        then=SLOWLY,
    ),
    Cause.CONNACK: Advice(
        meaning="the platform refused the login",
        cure="look at the CONNACK number in the line",
        responsible=Responsible.CONSOLE,
        explanation="The server answered the login with a number other than 0.",
        steps=("`iot-onboard explain connack NUMBER` says what the number means.",),
        then=SOON,
    ),
    Cause.CLOSED_BY_SERVER: Advice(
        meaning="the server closed the connection",
        cure="check in the console that the device is enabled and that no other gateway uses this DeviceName",
        responsible=Responsible.PLATFORM,
        explanation="The platform closed the connection: for maintenance, because the device was disabled or deleted, "
        "or because another login with this DeviceName replaced it.",
        steps=(
            "If it happens rarely, no action is needed: the gateway reconnects by itself.",
            "If it keeps happening within a minute, another gateway uses this DeviceName: `iot-onboard explain "
            "identity-shared`.",
        ),
        then=SOON,
    ),
    Cause.PROTOCOL: Advice(
        meaning="the server does not follow MQTT 3.1.1",
        cure="check mqtt.host and mqtt.port in the configuration, and that no device on the network path decrypts TLS",
        responsible=Responsible.NETWORK,
        explanation="The server sent what an MQTT 3.1.1 server, or the platform, never sends: data that is not MQTT "
        "or not TLS, a packet that is malformed, of QoS 2 or over 300 kB, or an answer without a request. The gateway "
        "ended the connection itself; nothing else of the session was lost. If the answer to the login is not MQTT at "
        "all, host or port is wrong, or another server answers instead of the platform.",
        steps=(
            "`iot-onboard status` shows the endpoint. If mqtt.host or mqtt.port is set in "
            "/etc/iot-onboard/config.yaml or conf.d/, check it. The defaults are right for most gateways.",
            "If your own firewall decrypts TLS connections, exclude the platform's hosts from its inspection.",
            "If neither is the case and it lasts, report the line to Alibaba Cloud's support.",
        ),
        then=SOON,
    ),
    Cause.UNKNOWN_CODE: codes.UNKNOWN,
    Cause.DEFECT: Advice(
        meaning="the program met a case that its maintainers did not expect",
        cure="report this line with a support file (`sudo iot-onboard bundle`)",
        responsible=Responsible.MAINTAINERS,
        explanation="A step of the daemon failed in an unexpected way, perhaps because of the data that a server "
        "sent. The daemon continues and tries the step again. The stored secret is safe.",
        steps=(
            "Report the line, with a support file (`sudo iot-onboard bundle`). The line names the place in the "
            "program.",
        ),
        then=SLOWLY,
    ),
    Cause.LOCAL: Advice(
        meaning="this gateway lacks a resource, or its disk gave an error",
        cure="check memory (free), open files (cat /proc/sys/fs/file-nr) and the SD card (dmesg) of this gateway",
        responsible=Responsible.GATEWAY,
        explanation="A call into the system failed in a way that is often temporary: no memory, no file descriptor or "
        "no thread was available, or the disk gave an error. The configuration is not the cause, and the gateway sent "
        "nothing to the platform.",
        steps=(
            "If it happens only once, no action is needed: the gateway retries by itself.",
            "If it lasts: `free` and `cat /proc/sys/fs/file-nr` show whether memory or open files have run out, and "
            "`systemctl status iot-onboard` shows how many tasks the service has.",
            "`dmesg` shows errors of the SD card. If there are any, save /var/lib/iot-onboard/credentials, then "
            "replace the card.",
        ),
        then="the gateway retries within 5 s at first, then at growing intervals of up to 5 minutes",
    ),
}


def cure_for(slug: str) -> str:
    """Return the cure for the cause with that slug, or an empty string if there is no such cause."""
    return next((advice.cure for cause, advice in CAUSES.items() if cause.slug == slug), "")
