"""A plot's month as a picture: water in the root zone against its lines, rain, watering, gaps, and what comes."""
