"""What happens when things go wrong: kills, full disks, wrong arguments, damaged files, ..."""
