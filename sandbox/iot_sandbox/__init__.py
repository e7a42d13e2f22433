"""A local sandbox of Alibaba Cloud IoT Platform: registration over HTTPS and MQTT over TLS."""
