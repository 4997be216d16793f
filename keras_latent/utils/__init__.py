"""Small parts that several packages of the library share."""
