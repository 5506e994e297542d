"""What the processes tell about themselves: logs, later metrics and traces."""
