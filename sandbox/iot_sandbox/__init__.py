"""A local stand-in of Alibaba Cloud IoT Platform: registration over HTTPS and MQTT over TLS."""
