//! Traffic made for measuring.
