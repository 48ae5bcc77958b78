"""What several tests share: settings, sandboxes, transports, clients, a gateway, and the command."""
