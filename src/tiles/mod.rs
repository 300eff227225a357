//! Vector tiles: select, simplify, clip, quantise, encode. Pure functions over borrowed data.
