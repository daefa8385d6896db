//! RTP and RTCP packets, streams, timeline and statistics (RFC 3550).
