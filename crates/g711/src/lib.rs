//! ITU-T G.711, the companding of telephone audio: u-law and A-law to 16-bit linear PCM and back, and the
//! concealment of lost packets that its Appendix I describes.
//!
//! - ITU-T Recommendation G.711 (11/1988), *Pulse code modulation (PCM) of voice frequencies*.
//! - ITU-T Recommendation G.711 Appendix I (09/1999), *A high quality low-complexity algorithm for packet loss
//!   concealment with G.711*.
//!
//! Linear samples fill 16 bits: the standard's u-law values (14 bits) are held times four and its A-law values
//! (13 bits) times eight, as in the ITU's software tool library (G.191). Decoding is exact by the standard's tables
//! and encoding gives the tool library's codes for each of the 65536 inputs. There are no dependencies, no
//! allocation and no `std`.
//!
//! ```
//! use g711::{Concealment, Law, decode_into};
//!
//! let mut heard = [0; 400];
//! decode_into(Law::Mu, &[0x2a; 400], &mut heard);
//! assert_eq!(heard[0], -5_372);
//!
//! // The next packet is lost: fill its 20 ms by what was heard before it.
//! let mut filled = [0; 160];
//! let concealed = Concealment::after(&heard).conceal(&mut filled);
//! assert_eq!(concealed, 160);
//! ```
#![no_std]

#[cfg(test)]
extern crate std;

mod a;
mod concealment;
mod law;
mod mu;

pub use a::A_TO_LINEAR;
pub use concealment::Concealment;
pub use law::{Law, decode, decode_interleaved, decode_into, encode, encode_into};
pub use mu::MU_TO_LINEAR;
