//! From a file as it came to the picture that is kept: really decoded, turned upright, written anew. So position,
//! device, embedded thumbnails and whatever hangs behind the picture are gone.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, Rgb, RgbImage, imageops};
use sha2::{Digest, Sha256};

use crate::domain::photo::{MOST_PIXELS, Refusal};
use crate::domain::seal::hex;

/// The longer side of what is kept, pixels at most.
const LONG_SIDE: u32 = 4096;
/// The longer side of the small picture.
const THUMB_SIDE: u32 = 320;
/// JPEG quality of what is kept, and of the small picture.
const QUALITY: (u8, u8) = (88, 78);
/// Bytes from which a format is told.
pub const HEAD_BYTES: usize = 16;

/// A picture as it is kept.
#[derive(Debug)]
pub struct Developed {
    /// JPEG.
    pub picture: Vec<u8>,
    /// JPEG of at most 320 pixels a side.
    pub thumb: Vec<u8>,
    /// Of the picture, pixels.
    pub width: u32,
    /// Of the picture, pixels.
    pub height: u32,
    /// Of the picture, hexadecimal.
    pub sha256: String,
}

/// Tells by its first bytes whether a file may be a photo that is taken.
///
/// # Errors
/// What it is instead.
pub fn format(head: &[u8]) -> Result<ImageFormat, Refusal> {
    if head.is_empty() {
        return Err(Refusal::Empty);
    }
    match image::guess_format(head) {
        Ok(format @ (ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP)) => Ok(format),
        Ok(ImageFormat::Gif) => Err(Refusal::Gif),
        // ISO 14496-12 §4.3: the kind of an ISO media file stands behind "ftyp".
        _ => match head.get(4..12) {
            Some([b'f', b't', b'y', b'p', brand @ ..]) => match brand {
                b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1" => Err(Refusal::Heic),
                b"avif" | b"avis" => Err(Refusal::Unknown),
                _ => Err(Refusal::Video),
            },
            _ => Err(Refusal::Unknown),
        },
    }
}

/// Makes the picture that is kept and its small copy: seconds of computing for the largest.
///
/// # Errors
/// Why the file is not taken.
pub fn develop(file: &[u8]) -> Result<Developed, Refusal> {
    let format = format(file)?;
    // The decoder fills up what is missing of a JPEG with grey.
    if format == ImageFormat::Jpeg && !jpeg_is_whole(file) {
        return Err(Refusal::Damaged);
    }
    let (picture, orientation) = decode(file, format).map_err(|e| match e {
        ImageError::Limits(_) => Refusal::TooManyPixels,
        _ => Refusal::Damaged,
    })?;
    let picture = on_white(picture);
    // Made smaller before it is turned, which copies it.
    let mut picture = DynamicImage::ImageRgb8(smaller(&picture, LONG_SIDE).unwrap_or(picture));
    picture.apply_orientation(orientation);
    let picture = picture.into_rgb8();
    let (width, height) = picture.dimensions();
    let thumb = jpeg(smaller(&picture, THUMB_SIDE).as_ref().unwrap_or(&picture), QUALITY.1)?;
    let picture = jpeg(&picture, QUALITY.0)?;
    let sha256 = hex(&Sha256::digest(&picture));
    Ok(Developed { picture, thumb, width, height, sha256 })
}

/// The limits hold before anything is allocated: the size stands in the file's head.
fn decode(file: &[u8], format: ImageFormat) -> Result<(DynamicImage, Orientation), ImageError> {
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_PIXELS * 4);
    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    // As much as there is for all the pixels taken at four bytes each, whatever their form.
    limits.reserve(decoder.total_bytes().max(u64::from(width) * u64::from(height) * 4))?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    Ok((DynamicImage::from_decoder(decoder)?, orientation))
}

/// The picture made to fit a square of this side, where it is larger. Without the floating-point copy that the library's
/// filters make, which is larger than the picture itself.
fn smaller(picture: &RgbImage, side: u32) -> Option<RgbImage> {
    let (width, height) = picture.dimensions();
    let ratio = f64::from(width.max(height)) / f64::from(side);
    if ratio <= 1.0 {
        return None;
    }
    let shrunk = |length: u32| ((f64::from(length) / ratio).round() as u32).max(1);
    let (to_width, to_height) = (shrunk(width), shrunk(height));
    // The mean of whole pixels, which is too coarse where less than two fall into one.
    if ratio >= 2.0 {
        return Some(imageops::thumbnail(picture, to_width, to_height));
    }
    let source = |at: u32, length: u32| ((f64::from(at) + 0.5) * ratio - 0.5).clamp(0.0, f64::from(length - 1)) as f32;
    Some(RgbImage::from_fn(to_width, to_height, |x, y| {
        let (x, y) = (source(x, width), source(y, height));
        imageops::interpolate_bilinear(picture, x, y).unwrap_or(Rgb([255; 3]))
    }))
}

/// JPEG knows no transparency.
fn on_white(picture: DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.into_rgb8();
    }
    let seen = picture.into_rgba8();
    let mut flat = RgbImage::new(seen.width(), seen.height());
    for (to, from) in flat.pixels_mut().zip(seen.pixels()) {
        let [r, g, b, alpha] = from.0.map(u16::from);
        to.0 = [r, g, b].map(|c| ((c * alpha + 255 * (255 - alpha)) / 255) as u8);
    }
    flat
}

fn jpeg(picture: &RgbImage, quality: u8) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::with_capacity(picture.len() / 8);
    JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(picture).map_err(|_| Refusal::Damaged)?;
    Ok(bytes)
}

/// Whether a JPEG reaches its end-of-image marker (ITU-T T.81 §B.1.1); one inside a segment, as an embedded thumbnail
/// has it, is not its own.
fn jpeg_is_whole(file: &[u8]) -> bool {
    let mut at = 2;
    while let Some(&[mark, code]) = file.get(at..).and_then(|rest| rest.first_chunk()) {
        match (mark, code) {
            (0xff, 0xd9) => return true,
            // Padding before a marker.
            (0xff, 0xff) => at += 1,
            // A stuffed zero and markers without a segment: TEM, restarts, start of image.
            (0xff, 0x00 | 0x01 | 0xd0..=0xd8) => at += 2,
            (0xff, _) => match file.get(at + 2..).and_then(|rest| rest.first_chunk()) {
                Some(length) => at += 2 + usize::from(u16::from_be_bytes(*length)),
                None => return false,
            },
            // The picture's own data.
            _ => at += 1,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripes(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| Rgb([(x * 7) as u8, (y * 5) as u8, (x ^ y) as u8]))
    }

    #[test]
    fn every_cut_of_a_jpeg_is_noticed() {
        let whole = jpeg(&stripes(64, 48), 80).expect("encodes");
        assert!(develop(&whole).is_ok());
        for length in (1..whole.len()).step_by(7) {
            assert!(develop(&whole[..length]).is_err(), "{length} of {}", whole.len());
        }
    }

    #[test]
    fn what_is_clear_becomes_white() {
        let clear = DynamicImage::ImageRgba8(image::RgbaImage::from_pixel(8, 8, image::Rgba([200, 0, 0, 0])));
        assert!(on_white(clear).pixels().all(|p| p.0 == [255, 255, 255]));
    }

    /// A slope stays a slope: no line is left out or doubled.
    #[test]
    fn little_less_is_still_smooth() {
        let slope = RgbImage::from_fn(416, 312, |x, _| Rgb([(x / 2) as u8; 3]));
        let less = smaller(&slope, 409).expect("it is larger");
        assert_eq!(less.dimensions(), (409, 307));
        for (x, _, p) in less.enumerate_pixels() {
            let expected = (f64::from(x) + 0.5) * 416.0 / 409.0 / 2.0;
            assert!((f64::from(p.0[0]) - expected).abs() <= 1.0, "{x}: {p:?} for {expected}");
        }
    }

    #[test]
    fn long_pictures_keep_their_shape() {
        let long = jpeg(&stripes(6000, 60), 60).expect("encodes");
        let developed = develop(&long).expect("a photo");
        assert_eq!((developed.width, developed.height), (4096, 41));
    }
}
