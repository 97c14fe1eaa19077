"""What stands between the web server and the program."""
