"""The tests from outside: what a user of redtool, of its server and of its files can rely on."""
