//! Interfaces and capture files to frames.
