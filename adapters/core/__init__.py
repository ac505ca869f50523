"""The machinery that all platform adapters share; what differs between platforms is written in `adapters/platforms/`."""
