"""What helps against each cause that may mend by itself, for the case that it does not. Pure."""

from __future__ import annotations

from ..aliyun import codes
from ..core.advice import SLOWLY, SOON, Advice, Responsible
from ..core.failures import Cause

_DOCTOR = "`iot-onboard doctor` tries each step on the way to the platform, and names the first that fails."

CAUSES = {
    Cause.NETWORK: Advice(
        meaning="no connection came about, or it broke",
        cure="check cable, Wi-Fi or SIM, and that the firewall lets this gateway out",
        responsible=Responsible.NETWORK,
        explanation="The gateway reached nobody at that address and port, or was cut off on the way.",
        steps=(
            "`ip route` must show a default route; where it does not, look at the cable, the Wi-Fi or the SIM.",
            "Where there is one, a firewall may be in the way: TCP ports 443 (registration) and 8883 (MQTT) must be "
            "open outwards.",
            _DOCTOR,
        ),
        then=SOON,
    ),
    Cause.NAME_LOOKUP: Advice(
        meaning="a host name does not resolve",
        cure="check that this gateway has a network and a DNS server that answers",
        responsible=Responsible.NETWORK,
        explanation="The gateway asked for the address of the platform's host, and no DNS server gave one. Most often "
        "there is no network at all, or the DNS server that DHCP named does not answer. A slip of the pen in region, "
        "instance_id or mqtt.host looks the same.",
        steps=(
            "`getent hosts iot-auth.cn-shanghai.aliyuncs.com` must print an address; /etc/resolv.conf names the DNS "
            "server that is asked.",
            "Check cable, Wi-Fi or SIM, and the DNS setting of the router.",
            "Where other names resolve: check region, instance_id, mqtt.host and registration.url in "
            "/etc/iot-onboard/config.yaml and conf.d/.",
        ),
        then=SOON,
    ),
    Cause.PROXY: Advice(
        meaning="the proxy does not lead on",
        cure="check the key proxy in the configuration, and ask the proxy's keeper to allow this host and port",
        responsible=Responsible.NETWORK,
        explanation="The configuration names a proxy. It did not answer, or refused to connect to the platform.",
        steps=(
            "Check host, port, user name and password under proxy in /etc/iot-onboard/config.yaml and conf.d/.",
            "Whoever runs the proxy must allow CONNECT to the hosts that `iot-onboard status` shows, ports 443 and "
            "8883. 407 means that the user name or the password is wrong, 403 that the host or port is not allowed.",
            "Where no proxy is needed here, remove the key.",
        ),
        then=SOON,
    ),
    Cause.TLS: Advice(
        meaning="the server's certificate or its TLS is not accepted",
        cure="check that no box on the way opens TLS; a company's own certificate goes into tls.ca_file",
        responsible=Responsible.NETWORK,
        explanation="Whoever answered could not prove to be the platform. A firewall that opens encrypted "
        "connections, a captive portal or a wrong host does that; verification cannot be switched off.",
        steps=(
            "`iot-onboard doctor` shows the certificate that was seen: its issuer names whoever answered.",
            "Where that is a firewall of your own: except the platform's hosts from inspection, or put the firewall's "
            "root certificate (PEM) into a file and name it in tls.ca_file.",
            "Where mqtt.host, mqtt.port or registration.url is set, check it; the defaults are right for most.",
        ),
        then=SOON,
    ),
    Cause.TLS_DATE: Advice(
        meaning="the server's certificate is outside its dates",
        cure="check this gateway's clock (timedatectl); where it is right, the server's certificate has expired",
        responsible=Responsible.GATEWAY,
        explanation="By this gateway's clock the certificate has expired, or is not valid yet. The clock is the usual "
        "cause: boards without a battery start in the past.",
        steps=(
            "`timedatectl` must show the right date and `System clock synchronized: yes`. Where it does not, allow "
            "NTP (UDP port 123) to a time server, or set one in /etc/systemd/timesyncd.conf.",
            "Where the clock is right, the certificate really has expired: `iot-onboard doctor` shows whose it is.",
        ),
        then=SOON + "; also at once when the clock is set",
    ),
    Cause.TIMEOUT: Advice(
        meaning="no answer within the time limit",
        cure="check the quality of the network, and firewalls that drop packets silently",
        responsible=Responsible.NETWORK,
        explanation="The packets went out and nothing came back in time: a firewall drops them, the link is very bad, "
        "or large packets do not get through (MTU).",
        steps=(
            "TCP ports 443 and 8883 must be open outwards.",
            "On mobile or tunnelled links try a smaller MTU (`ip link set dev NAME mtu 1400`).",
            _DOCTOR,
        ),
        then=SOON,
    ),
    Cause.PLATFORM: codes.PLATFORM_FAULT,
    Cause.ANSWER: Advice(
        meaning="the answer is not the platform's",
        cure="check whether a captive portal or a proxy answers in the platform's place",
        responsible=Responsible.NETWORK,
        explanation="Something answered the registration, and not as the platform does: a sign-in page, a redirect, or "
        "an error page of a proxy.",
        steps=(
            "Where this network asks guests to sign in (hotel, campus), sign in or have this gateway excepted.",
            "Where registration.url or proxy is set in /etc/iot-onboard/config.yaml or conf.d/, check it.",
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
        explanation="The platform hung up: for maintenance, because the device was disabled or deleted, or because "
        "another login with this DeviceName took its place.",
        steps=(
            "Once in a while it is nothing: the gateway comes back by itself.",
            "Where it keeps happening within a minute, another gateway uses this DeviceName: `iot-onboard explain "
            "identity-shared`.",
        ),
        then=SOON,
    ),
    Cause.PROTOCOL: Advice(
        meaning="the server does not keep to MQTT 3.1.1",
        cure="check mqtt.host and mqtt.port in the configuration, and that no box on the way opens TLS",
        responsible=Responsible.NETWORK,
        explanation="The server sent what a server of MQTT 3.1.1, or the platform, never sends: something that is not "
        "MQTT, or no TLS, a packet that is malformed, of QoS 2 or over 300 kB, or an answer to nothing. The gateway "
        "ended the connection itself; nothing else of the session was lost. Where the answer to the login is not "
        "MQTT at all, host or port is wrong, or something on the way answers in the platform's place.",
        steps=(
            "`iot-onboard status` shows the endpoint. Where mqtt.host or mqtt.port is set in "
            "/etc/iot-onboard/config.yaml or conf.d/, check it; the defaults are right for most.",
            "Where a firewall of your own opens encrypted connections: except the platform's hosts from inspection.",
            "Where neither holds and it lasts, report the line to Alibaba Cloud's support.",
        ),
        then=SOON,
    ),
    Cause.UNKNOWN_CODE: codes.UNKNOWN,
    Cause.DEFECT: Advice(
        meaning="this program met something that its makers did not think of",
        cure="report this line with a support file (`sudo iot-onboard bundle`)",
        responsible=Responsible.MAINTAINERS,
        explanation="A step of the daemon failed in a way that nobody foresaw, perhaps because of what a server said. "
        "The daemon goes on and tries the step again; the stored secret is safe.",
        steps=("Report it with the line and a support file (`sudo iot-onboard bundle`): the line names the place.",),
        then=SLOWLY,
    ),
    Cause.LOCAL: Advice(
        meaning="this gateway itself is short of something, or its disk stumbled",
        cure="check memory (free), open files (cat /proc/sys/fs/file-nr) and the SD card (dmesg) of this gateway",
        responsible=Responsible.GATEWAY,
        explanation="A call into the system failed in a way that often passes by itself: no memory, no descriptor or "
        "no thread was to be had, or the disk gave an error. Nothing is wrong with the configuration, and nothing was "
        "asked of the platform.",
        steps=(
            "Once is nothing: the gateway tries again by itself.",
            "Where it lasts: `free` and `cat /proc/sys/fs/file-nr` show whether memory or open files have run out, "
            "and `systemctl status iot-onboard` how many tasks the service has.",
            "`dmesg` shows errors of the SD card: save /var/lib/iot-onboard/credentials, then replace it.",
        ),
        then="by itself: within 5 s at first, then at growing intervals of up to 5 minutes",
    ),
}


def cure_for(slug: str) -> str:
    """Return what helps against the cause of that slug, or nothing where it is none."""
    return next((advice.cure for cause, advice in CAUSES.items() if cause.slug == slug), "")
