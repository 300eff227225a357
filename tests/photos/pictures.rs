//! Files as phones, and others, send them.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

/// A picture whose left half is red and whose right half is blue, not too plain.
pub fn picture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let shade = ((x * 31 + y * 17) % 40) as u8;
        if x * 2 < width { Rgb([200 + shade, shade, shade]) } else { Rgb([shade, shade, 200 + shade]) }
    })
}

pub fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 90).encode_image(&picture(width, height)).unwrap();
    bytes
}

pub fn encoded(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(picture(width, height)).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// What no stored byte may tell.
pub const SECRETS: [&[u8]; 5] =
    [b"Exif", b"SPYPHONE-X1", b"SN-4711-4711", b"EMBEDDED-THUMB", b"W5M0MpCehiHzreSzNTczkc9d"];

/// A JPEG as a phone writes it: EXIF with device, serial number, position (25°04'12" N, 117°01'30" E) and an embedded
/// thumbnail, to be shown turned by a quarter (orientation 6); XMP beside it.
pub fn from_a_phone(width: u32, height: u32) -> Vec<u8> {
    let plain = jpeg(width, height);
    let exif = exif();
    let xmp: &[u8] = b"http://ns.adobe.com/xap/1.0/\0<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?>";
    let mut bytes = plain[..2].to_vec();
    for segment in [&exif[..], xmp] {
        bytes.extend([0xff, 0xe1]);
        bytes.extend((segment.len() as u16 + 2).to_be_bytes());
        bytes.extend(segment);
    }
    bytes.extend(&plain[2..]);
    bytes
}

/// TIFF 6.0 in little-endian order; offsets count from "II".
fn exif() -> Vec<u8> {
    let make = b"SPYPHONE-X1\0";
    let serial = b"SN-4711-4711\0";
    let (ifd0, gps) = (8_u32, 8 + 2 + 4 * 12 + 4);
    let data = gps + 2 + 4 * 12 + 4;
    let (make_at, serial_at) = (data, data + make.len() as u32);
    let lat_at = serial_at + serial.len() as u32;
    let lon_at = lat_at + 24;
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        let mut e = Vec::new();
        e.extend(tag.to_le_bytes());
        e.extend(kind.to_le_bytes());
        e.extend(count.to_le_bytes());
        e.extend(value.to_le_bytes());
        e
    };
    let rationals = |parts: [u32; 3]| parts.into_iter().flat_map(|n| [n.to_le_bytes(), 1_u32.to_le_bytes()]).flatten();
    let mut out = b"Exif\0\0II\x2a\0".to_vec();
    out.extend(ifd0.to_le_bytes());
    out.extend(4_u16.to_le_bytes());
    out.extend(entry(0x010f, 2, make.len() as u32, make_at));
    out.extend(entry(0x0112, 3, 1, 6));
    out.extend(entry(0x8825, 4, 1, gps));
    out.extend(entry(0xa431, 2, serial.len() as u32, serial_at));
    out.extend(0_u32.to_le_bytes());
    out.extend(4_u16.to_le_bytes());
    out.extend(entry(1, 2, 2, u32::from_le_bytes(*b"N\0\0\0")));
    out.extend(entry(2, 5, 3, lat_at));
    out.extend(entry(3, 2, 2, u32::from_le_bytes(*b"E\0\0\0")));
    out.extend(entry(4, 5, 3, lon_at));
    out.extend(0_u32.to_le_bytes());
    out.extend(make);
    out.extend(serial);
    out.extend(rationals([25, 4, 12]));
    out.extend(rationals([117, 1, 30]));
    // A small JPEG has its own beginning and end.
    out.extend(b"\xff\xd8EMBEDDED-THUMB\xff\xd9");
    out
}

/// A PNG whose head says another size than it has.
pub fn png_that_says(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = encoded(8, 8, ImageFormat::Png);
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let mut crc = flate2::Crc::new();
    crc.update(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.sum().to_be_bytes());
    bytes
}

/// A JPEG whose head says another size than it has.
pub fn jpeg_that_says(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = jpeg(16, 16);
    let frame = bytes.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    bytes[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    bytes[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    bytes
}

/// A WebP whose head says 16383 × 16383.
pub fn webp_that_says_most() -> Vec<u8> {
    let mut bytes = encoded(8, 8, ImageFormat::WebP);
    let stream = bytes.windows(4).position(|w| w == b"VP8L").unwrap() + 8;
    assert_eq!(bytes[stream], 0x2f);
    // 14 bits each, one less than the size; then transparency and version, which stay.
    let head = u32::from_le_bytes(bytes[stream + 1..stream + 5].try_into().unwrap());
    let head = (head & !0x0fff_ffff) | 0x3ffe | 0x3ffe << 14;
    bytes[stream + 1..stream + 5].copy_from_slice(&head.to_le_bytes());
    bytes
}
