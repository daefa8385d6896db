//! ITU-T G.711 A-law and u-law both ways, and Appendix I concealment.
