// The live map.
