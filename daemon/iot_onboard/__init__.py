"""Registers a gateway with Alibaba Cloud IoT Platform and keeps its MQTT connection up."""

__version__ = "0.2.0"
