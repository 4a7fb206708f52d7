// tests/integration/port.h - a port for a program that a test starts.
#ifndef RELAIS_TEST_PORT_H
#define RELAIS_TEST_PORT_H

// Finds a free port of 127.0.0.1 and keeps it, until the file descriptor returned is
// closed, for programs that listen with SO_REUSEADDR: nobody else is given it in
// between, not even for a connection that goes out. (A port that was only looked for
// may be taken by any program of the machine before it is used, and again whenever its
// program is restarted.)
int test_port_hold(int *port);

#endif
