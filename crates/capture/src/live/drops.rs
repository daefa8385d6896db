//! How many datagrams the kernel threw away because a socket's buffer was full.

use std::io;
use std::mem::size_of_val;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

/// A count of 32 bits that wraps, carried on in 64.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Carried {
    last: u32,
    total: u64,
}

impl Carried {
    /// Takes in what the count is now; gives all of it so far.
    pub(crate) fn at(&mut self, now: u32) -> u64 {
        self.total += u64::from(now.wrapping_sub(self.last));
        self.last = now;
        self.total
    }

    /// The count begins anew at zero: what counted was opened again.
    pub(crate) fn restart(&mut self) {
        self.last = 0;
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }
}

/// Datagrams that found no room in the socket's buffer, modulo 2^32.
#[allow(unsafe_code, reason = "no crate at hand knows this option")]
pub(crate) fn of_socket(socket: &UdpSocket) -> io::Result<u32> {
    /// The place of the drops among the nine numbers (SK_MEMINFO_DROPS of linux/sock_diag.h).
    const DROPS: usize = 8;
    let mut numbers = [0u32; DROPS + 1];
    let mut size = size_of_val(&numbers) as libc::socklen_t;
    // SAFETY: the descriptor is open while `socket` is borrowed; the kernel writes no more than `size` bytes, which is
    // how large `numbers` is; any bytes are numbers.
    let done = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            numbers.as_mut_ptr().cast(),
            &raw mut size,
        )
    };
    if done == 0 { Ok(numbers.last().copied().unwrap_or_default()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_found_no_room() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        rustix::net::sockopt::set_socket_recv_buffer_size(&socket, 4096).unwrap();
        assert_eq!(of_socket(&socket).unwrap(), 0);
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        let sent = 200;
        for _ in 0..sent {
            sender.send_to(&[7; 1000], socket.local_addr().unwrap()).unwrap();
        }
        socket.set_nonblocking(true).unwrap();
        let received = std::iter::from_fn(|| socket.recv(&mut [0; 2000]).ok()).count() as u32;
        assert!(received < sent);
        assert_eq!(of_socket(&socket).unwrap(), sent - received);
    }

    #[test]
    fn a_count_that_wraps_goes_on() {
        let mut carried = Carried::default();
        assert_eq!(carried.at(5), 5);
        assert_eq!(carried.at(u32::MAX), u64::from(u32::MAX));
        assert_eq!(carried.at(4), u64::from(u32::MAX) + 5);
        carried.restart();
        assert_eq!(carried.at(2), u64::from(u32::MAX) + 7);
    }
}
