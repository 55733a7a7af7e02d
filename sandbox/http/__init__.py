"""The services carried over HTTP on loopback: ports, faults of the transport, clocks, and control from outside."""
