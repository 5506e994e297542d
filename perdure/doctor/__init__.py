"""What `perdure doctor` looks at. `python -m perdure.doctor` examines; the command shows what it found."""
