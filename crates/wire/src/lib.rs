//! A frame to a UDP datagram or the bytes of a TCP stream.
