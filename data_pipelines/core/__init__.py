"""What every kind of dataset needs."""
