"""What leaves the lake as files for other programs: GeoParquet for maps, STAC for catalogues of pictures."""
