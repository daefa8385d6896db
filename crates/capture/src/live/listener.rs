//! One address, listened on by UDP and by TCP, without waiting for either.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use rustix::net::sockopt;

/// The two sockets of an address.
pub(crate) struct Listener {
    pub(crate) udp: UdpSocket,
    pub(crate) tcp: TcpListener,
    pub(crate) address: SocketAddr,
}

/// What the kernel may hold of datagrams that were not read yet: a tenth of a second of a busy network.
const RECEIVE_BUFFER: usize = 16 << 20;

impl Listener {
    /// Listens on `address`; with port 0 both get the same port of the system's choice.
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Listener> {
        let udp = UdpSocket::bind(address)?;
        let address = udp.local_addr()?;
        let tcp = TcpListener::bind(address)?;
        udp.set_nonblocking(true)?;
        tcp.set_nonblocking(true)?;
        // Past the system's limit only for who may; otherwise as far as the limit goes.
        if sockopt::set_socket_recv_buffer_size_force(&udp, RECEIVE_BUFFER).is_err() {
            let _ = sockopt::set_socket_recv_buffer_size(&udp, RECEIVE_BUFFER);
        }
        Ok(Listener { udp, tcp, address })
    }
}
