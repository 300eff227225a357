//! What is taken, what is refused, and what is left of it.

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader};
use serde_json::{Value, json};
use std::io::Cursor;
use uuid::Uuid;

use super::pictures::{SECRETS, encoded, from_a_phone, jpeg, jpeg_that_says, png_that_says, webp_that_says_most};
use super::{Bench, problem};

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|w| w == part)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn position_device_and_embedded_thumbnail_are_gone_and_the_picture_is_upright() {
    let bench = Bench::open().await;
    let file = from_a_phone(800, 400);
    let mut decoder = ImageReader::with_format(Cursor::new(&file), ImageFormat::Jpeg).into_decoder().unwrap();
    assert!(decoder.exif_metadata().unwrap().is_some(), "the file as it is sent has EXIF");
    assert!(SECRETS.iter().all(|s| holds(&file, s)));

    drop(decoder);
    let photo = bench.taken(file).await;
    assert_eq!((&photo["width"], &photo["height"]), (&json!(400), &json!(800)));
    for path in ["url", "thumb"] {
        let bytes = bench.bytes(&photo[path]).await;
        for secret in SECRETS {
            assert!(!holds(&bytes, secret), "{path} holds {}", String::from_utf8_lossy(secret));
        }
        let mut decoder = ImageReader::with_format(Cursor::new(&bytes), ImageFormat::Jpeg).into_decoder().unwrap();
        assert_eq!(decoder.exif_metadata().unwrap(), None);
        assert_eq!(decoder.icc_profile().unwrap(), None);
        assert_eq!(decoder.xmp_metadata().unwrap(), None);
        // A quarter turn clockwise: what was left is on top.
        let seen = DynamicImage::from_decoder(decoder).unwrap().into_rgb8();
        let top = seen.get_pixel(seen.width() / 2, seen.height() / 8);
        let bottom = seen.get_pixel(seen.width() / 2, seen.height() * 7 / 8);
        assert!(top.0[0] > 150 && top.0[2] < 100, "{path}: red on top, not {top:?}");
        assert!(bottom.0[2] > 150 && bottom.0[0] < 100, "{path}: blue below, not {bottom:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn png_and_webp_become_jpeg_and_what_hangs_behind_a_picture_falls_off() {
    let bench = Bench::open().await;
    let mut polyglot = jpeg(300, 200);
    let tail: &[u8] = b"PK\x03\x04archive<html><script>alert(1)</script><?php system('id'); ?>";
    polyglot.extend(tail);
    for (media_type, file) in [
        ("image/png", encoded(300, 200, ImageFormat::Png)),
        ("image/webp", encoded(300, 200, ImageFormat::WebP)),
        // Phones misname: what the bytes say counts.
        ("image/png", jpeg(300, 200)),
        ("image/jpeg", polyglot),
    ] {
        let answer = bench.send(Uuid::new_v4(), media_type, file).await;
        assert_eq!(answer.status(), 201);
        let photo: Value = answer.json().await.unwrap();
        for path in ["url", "thumb"] {
            let bytes = bench.bytes(&photo[path]).await;
            assert_eq!(image::guess_format(&bytes).unwrap(), ImageFormat::Jpeg);
            assert_eq!(bytes[bytes.len() - 2..], [0xff, 0xd9]);
            assert!(!holds(&bytes, &tail[..6]) && !holds(&bytes, b"<script>") && !holds(&bytes, b"<?php"));
        }
    }
}

/// The most memory this process has had, bytes.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bombs_are_refused_before_they_take_memory() {
    let bench = Bench::open().await;
    let before = most_memory();
    for (media_type, file) in [
        ("image/png", png_that_says(60_000, 60_000)),
        // Just over: 50,005,000 pixels.
        ("image/png", png_that_says(10_001, 5000)),
        ("image/jpeg", jpeg_that_says(65_500, 65_500)),
        ("image/webp", webp_that_says_most()),
    ] {
        let (status, body) = problem(bench.send(Uuid::new_v4(), media_type, file).await).await;
        assert_eq!((status, &body["refusal"]), (422, &json!("too_many_pixels")), "{media_type}: {body}");
        assert!(body["detail"].as_str().unwrap().contains("5000 万像素"), "{body}");
    }
    let grown = most_memory() - before;
    assert!(grown < 64 << 20, "{grown} bytes");
    bench.assert_bare().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_photo_is_refused_with_what_would_be_taken() {
    let bench = Bench::open().await;
    let whole = jpeg(600, 400);
    let png = encoded(600, 400, ImageFormat::Png);
    let webp = encoded(600, 400, ImageFormat::WebP);
    let heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic and so on".to_vec();
    let film = |bytes: usize| {
        let mut film = b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2mp41".to_vec();
        film.resize(bytes, 0x5a);
        film
    };
    let mut over = whole.clone();
    over.resize((15 << 20) + 1, 0);
    let cases: Vec<(&str, Vec<u8>, u16, &str, &str)> = vec![
        ("video/mp4", film(60 << 20), 415, "photo-format", "video/mp4"),
        ("image/jpeg", film(60 << 20), 413, "photo-too-large", "15 MB"),
        ("image/jpeg", over, 413, "photo-too-large", "15 MB"),
        ("image/jpeg", film(4000), 415, "photo-format", "视频"),
        ("image/jpeg", heic, 415, "photo-format", "HEIC"),
        ("image/gif", b"GIF89a".to_vec(), 415, "photo-format", "image/gif"),
        ("image/png", b"GIF89a\x01\0\x01\0\0\0\0;".to_vec(), 415, "photo-format", "GIF"),
        ("image/jpeg", b"<html><script>alert(1)</script></html>".to_vec(), 415, "photo-format", "JPEG、PNG、WebP"),
        ("image/jpeg", b"\xff".to_vec(), 415, "photo-format", "JPEG、PNG、WebP"),
        ("text/html", whole.clone(), 415, "photo-format", "text/html"),
        ("application/octet-stream", whole.clone(), 415, "photo-format", "image/jpeg"),
        ("image/jpeg", Vec::new(), 422, "photo-empty", "空的"),
        ("image/jpeg", whole[..whole.len() / 2].to_vec(), 422, "photo-damaged", "损坏"),
        ("image/jpeg", whole[..whole.len() - 2].to_vec(), 422, "photo-damaged", "损坏"),
        ("image/png", png[..png.len() / 2].to_vec(), 422, "photo-damaged", "损坏"),
        ("image/webp", webp[..webp.len() / 2].to_vec(), 422, "photo-damaged", "损坏"),
    ];
    for (media_type, file, expected, slug, says) in cases {
        let bytes = file.len();
        let (status, body) = problem(bench.send(Uuid::new_v4(), media_type, file).await).await;
        let case = format!("{media_type} of {bytes}: {body}");
        assert_eq!((status, &body["type"]), (expected, &json!(format!("urn:yitu:problem:{slug}"))), "{case}");
        assert!(body["detail"].as_str().unwrap().contains(says), "{case}");
    }
    bench.assert_bare().await;
    assert_eq!(bench.incident().await["photo_missing"], json!(true));

    let url = bench.server.url(&format!("/api/incidents/{}/photos?id={}", bench.incident, Uuid::new_v4()));
    let english = bench.server.client.post(url).header("accept-language", "en").header("content-type", "video/mp4");
    let (_, body) = problem(english.body("x").send().await.unwrap()).await;
    assert!(body["detail"].as_str().unwrap().contains("image/webp"), "{body}");
    assert!(body["detail"].as_str().unwrap().is_ascii(), "{body}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_of_a_photo_is_checked() {
    let bench = Bench::open().await;
    let path = format!("/api/incidents/{}/photos", bench.incident);
    let long = "长".repeat(201);
    let id = Uuid::new_v4();
    for (query, field) in [
        (String::new(), "id"),
        ("?id=7".to_owned(), "id"),
        (format!("?id={id}&kind=selfie"), "kind"),
        (format!("?id={id}&taken_at=yesterday"), "taken_at"),
        (format!("?id={id}&taken_at=2027-01-01T00:00:00Z"), "taken_at"),
        (format!("?id={id}&caption={long}"), "caption"),
    ] {
        let request = bench.server.client.post(bench.server.url(&format!("{path}{query}")));
        let answer = request.header("content-type", "image/jpeg").body(jpeg(40, 30)).send().await.unwrap();
        let (status, body) = problem(answer).await;
        assert_eq!((status, &body["errors"][0]["pointer"]), (400, &json!(field)), "{query}: {body}");
    }
    let nowhere = bench.server.url(&format!("/api/incidents/{}/photos?id={id}", Uuid::new_v4()));
    let request = bench.server.client.post(nowhere).header("content-type", "image/jpeg").body(jpeg(40, 30));
    assert_eq!(problem(request.send().await.unwrap()).await.0, 404);
    bench.assert_bare().await;
}
