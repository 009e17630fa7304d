"""From what a drone says of a picture to the ground it shows and the plots its findings lie in. Pure; no disk."""
