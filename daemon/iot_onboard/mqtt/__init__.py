"""The MQTT client: Paho, driven by a loop of ours."""
