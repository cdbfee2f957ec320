"""MS-TCN and MS-TCN++."""
