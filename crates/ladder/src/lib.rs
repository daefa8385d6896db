//! Kept packets to the picture of their signalling.
