"""What the user meets: commands, progress, reports and error lines. Decides nothing about photos."""
