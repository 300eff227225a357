//! Uploads in pieces, over connections that break.

use std::time::Duration;

use bytes::Bytes;
use chrono::Duration as Span;
use futures::StreamExt;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use uuid::Uuid;
use yitu::service::photo::sweep;

use super::pictures::jpeg;
use super::{Bench, problem};

fn tus(bench: &Bench, method: &str, path: &str) -> RequestBuilder {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    bench.server.client.request(method, bench.server.url(path)).header("tus-resumable", "1.0.0")
}

pub async fn announce(bench: &Bench, id: Uuid, length: usize) -> Response {
    let path = format!("/api/incidents/{}/photos?id={id}", bench.incident);
    tus(bench, "POST", &path).header("upload-length", length).send().await.unwrap()
}

async fn piece(bench: &Bench, id: Uuid, offset: usize, bytes: impl Into<reqwest::Body>) -> Response {
    tus(bench, "PATCH", &format!("/api/photos/{id}/upload"))
        .header("upload-offset", offset)
        .header("content-type", "application/offset+octet-stream")
        .body(bytes)
        .send()
        .await
        .unwrap()
}

fn offset(answer: &Response) -> usize {
    answer.headers()["upload-offset"].to_str().unwrap().parse().unwrap()
}

async fn progress(bench: &Bench, id: Uuid) -> usize {
    let answer = tus(bench, "HEAD", &format!("/api/photos/{id}/upload")).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    offset(&answer)
}

/// Bytes that come slowly.
fn slowly(bytes: &[u8], pieces: usize) -> reqwest::Body {
    let parts: Vec<Bytes> = bytes.chunks(bytes.len().div_ceil(pieces)).map(Bytes::copy_from_slice).collect();
    reqwest::Body::wrap_stream(futures::stream::iter(parts).then(|part| async {
        tokio::time::sleep(Duration::from_millis(60)).await;
        Ok::<_, std::io::Error>(part)
    }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pieces_make_a_photo_across_a_restart() {
    let mut bench = Bench::open().await;
    let (id, file) = (Uuid::new_v4(), jpeg(2000, 1500));
    let begun = announce(&bench, id, file.len()).await;
    assert_eq!(begun.status(), StatusCode::CREATED);
    assert_eq!(begun.headers()["location"], format!("/api/photos/{id}/upload"));
    assert_eq!(begun.headers()["tus-resumable"], "1.0.0");
    assert_eq!(begun.headers()["upload-expires"], "Sat, 21 Nov 2026 02:00:00 GMT");

    let step = file.len().div_ceil(4);
    for (n, part) in file.chunks(step).enumerate() {
        assert_eq!(progress(&bench, id).await, n * step);
        let answer = piece(&bench, id, n * step, part.to_vec()).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        assert_eq!(offset(&answer), n * step + part.len());
        if n < 3 {
            assert_eq!(bench.photos().await[0]["state"], json!("receiving"));
            assert_eq!(bench.incident().await["photos"], json!([]));
        }
        bench = bench.restarted().await;
    }
    let photo = &bench.photos().await[0];
    assert_eq!((&photo["state"], &photo["width"]), (&json!("ready"), &json!(2000)));
    bench.bytes(&photo["url"]).await;
    assert_eq!(bench.uploads(), Vec::<String>::new());
    // Whoever has lost the last answer finds it done, and sends nothing anew.
    assert_eq!(progress(&bench, id).await, file.len());
    assert_eq!(piece(&bench, id, file.len(), Vec::new()).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(announce(&bench, id, file.len()).await.status(), StatusCode::OK);
    assert_eq!(piece(&bench, id, 0, file.clone()).await.status(), StatusCode::CONFLICT);
    assert_eq!(bench.photos().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_before_a_cut_need_not_come_again() {
    let bench = Bench::open().await;
    let (id, file) = (Uuid::new_v4(), jpeg(1800, 1200));
    announce(&bench, id, file.len()).await;
    let half = file.len() / 2;
    let mut wire = tokio::net::TcpStream::connect(bench.server.address).await.unwrap();
    let head = format!(
        "PATCH /api/photos/{id}/upload HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n\
         Content-Type: application/offset+octet-stream\r\nContent-Length: {}\r\n\r\n",
        file.len()
    );
    wire.write_all(head.as_bytes()).await.unwrap();
    wire.write_all(&file[..half]).await.unwrap();
    wire.flush().await.unwrap();
    let mut came = 0;
    for _ in 0..200 {
        came = progress(&bench, id).await;
        if came == half {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(came, half, "all that was sent is there");
    // Nobody else may write while the connection lives.
    let (status, body) = problem(piece(&bench, id, half, file[half..].to_vec()).await).await;
    assert_eq!((status, &body["type"]), (409, &json!("urn:yitu:problem:upload-busy")));
    drop(wire);
    let mut last = StatusCode::CONFLICT;
    for _ in 0..200 {
        last = piece(&bench, id, half, file[half..].to_vec()).await.status();
        if last != StatusCode::CONFLICT {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(last, StatusCode::NO_CONTENT);
    assert_eq!(bench.photos().await[0]["state"], json!("ready"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_pieces_at_one_place_one_is_taken() {
    let bench = Bench::open().await;
    let (id, file) = (Uuid::new_v4(), jpeg(1000, 800));
    announce(&bench, id, file.len()).await;
    let half = file.len() / 2;
    let (one, other) =
        tokio::join!(piece(&bench, id, 0, slowly(&file[..half], 5)), piece(&bench, id, 0, slowly(&file[..half], 5)));
    let mut statuses = [one.status().as_u16(), other.status().as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 409]);
    assert_eq!(progress(&bench, id).await, half);
    // One after the other at the same place: the second is told where to go on.
    let (status, body) = problem(piece(&bench, id, 0, file[..half].to_vec()).await).await;
    assert_eq!(
        (status, &body["type"], &body["upload_offset"]),
        (409, &json!("urn:yitu:problem:upload-offset"), &json!(half))
    );
    assert_eq!(piece(&bench, id, half, file[half..].to_vec()).await.status(), StatusCode::NO_CONTENT);
    let photo = &bench.photos().await[0];
    assert_eq!((&photo["state"], &photo["height"]), (&json!("ready"), &json!(800)));
    assert_eq!(bench.count("SELECT count(*) FROM incident_history WHERE action = 'photo'").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_breaks_the_protocol_is_told_and_changes_nothing() {
    let bench = Bench::open().await;
    let (id, file) = (Uuid::new_v4(), jpeg(400, 300));
    for (length, expected) in [(0, 422), ((15 << 20) + 1, 413), (60 << 20, 413)] {
        assert_eq!(problem(announce(&bench, id, length).await).await.0, expected);
    }
    let path = format!("/api/incidents/{}/photos?id={id}", bench.incident);
    assert_eq!(problem(tus(&bench, "POST", &path).send().await.unwrap()).await.0, 400);
    bench.assert_bare().await;

    announce(&bench, id, file.len()).await;
    let upload = format!("/api/photos/{id}/upload");
    let patch = || tus(&bench, "PATCH", &upload).body(file.clone());
    let piece_type = "application/offset+octet-stream";
    let wrong_type = patch().header("upload-offset", 0).header("content-type", "image/jpeg");
    assert_eq!(problem(wrong_type.send().await.unwrap()).await.0, 415);
    let no_offset = patch().header("content-type", piece_type);
    assert_eq!(problem(no_offset.send().await.unwrap()).await.0, 400);
    let untold = bench.server.client.patch(bench.server.url(&upload)).header("upload-offset", 0);
    let untold = untold.header("content-type", piece_type).body(file.clone()).send().await.unwrap();
    assert_eq!(untold.headers()["tus-version"], "1.0.0");
    assert_eq!(problem(untold).await.0, 412);
    assert_eq!(problem(piece(&bench, Uuid::new_v4(), 0, file.clone()).await).await.0, 404);
    let mut longer = file.clone();
    longer.push(0);
    assert_eq!(problem(piece(&bench, id, 0, longer).await).await.0, 400);
    assert_eq!(progress(&bench, id).await, 0);

    let options = tus(&bench, "OPTIONS", &path).send().await.unwrap();
    assert_eq!(options.status(), StatusCode::NO_CONTENT);
    assert_eq!(options.headers()["tus-extension"], "creation,expiration,termination");
    assert_eq!(options.headers()["tus-max-size"], "15728640");

    assert_eq!(tus(&bench, "DELETE", &upload).send().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(tus(&bench, "HEAD", &upload).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    bench.assert_bare().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_film_is_known_by_its_first_piece_and_the_id_may_be_used_again() {
    let bench = Bench::open().await;
    let (id, film) = (Uuid::new_v4(), b"\0\0\0\x18ftypqt  and a long film".to_vec());
    announce(&bench, id, 10 << 20).await;
    let (status, body) = problem(piece(&bench, id, 0, film).await).await;
    assert_eq!((status, &body["refusal"]), (415, &json!("video")));
    assert_eq!(bench.uploads(), Vec::<String>::new());
    let photo = &bench.photos().await[0];
    assert_eq!((&photo["state"], &photo["refusal"]), (&json!("refused"), &json!("video")));
    // Whoever has lost the answer is told again.
    let head = tus(&bench, "HEAD", &format!("/api/photos/{id}/upload")).send().await.unwrap();
    assert_eq!(head.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(problem(bench.server.get(&format!("/api/photos/{id}")).await).await.0, 404);

    assert_eq!(bench.send(id, "image/jpeg", jpeg(60, 40)).await.status(), StatusCode::CREATED);
    assert_eq!(bench.photos().await[0]["state"], json!("ready"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_file_under_the_same_id_begins_anew() {
    let bench = Bench::open().await;
    let (id, first, second) = (Uuid::new_v4(), jpeg(500, 400), jpeg(640, 480));
    announce(&bench, id, first.len()).await;
    piece(&bench, id, 0, first[..1000].to_vec()).await;
    assert_eq!(announce(&bench, id, first.len()).await.status(), StatusCode::CREATED);
    assert_eq!(progress(&bench, id).await, 1000, "the same file goes on");
    announce(&bench, id, second.len()).await;
    assert_eq!(progress(&bench, id).await, 0);
    piece(&bench, id, 0, second).await;
    assert_eq!(bench.photos().await[0]["width"], json!(640));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sweep_forgets_what_was_abandoned_and_finishes_what_came_whole() {
    let bench = Bench::open().await;
    let file = jpeg(700, 500);
    let [abandoned, whole, gone] = [Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4()];
    announce(&bench, abandoned, file.len()).await;
    piece(&bench, abandoned, 0, file[..500].to_vec()).await;
    // As a server leaves it that stops after the last byte and before the answer.
    announce(&bench, whole, file.len()).await;
    let county: i64 = bench.count("SELECT id FROM region WHERE level = 'county'").await;
    let folder = bench.folder.path().join("uploads");
    std::fs::write(folder.join(format!("{county}.{whole}")), &file).unwrap();
    // And one that was sent in one request, which has no row before its end.
    std::fs::write(folder.join(format!("{county}.{gone}")), &file[..700]).unwrap();

    assert_eq!(sweep::pass(&bench.server.yitu).await.unwrap(), 2);
    let states = |photos: &[serde_json::Value]| photos.iter().map(|p| p["state"].clone()).collect::<Vec<_>>();
    let photos = bench.photos().await;
    assert_eq!(photos.len(), 2);
    assert!(states(&photos).contains(&json!("ready")) && states(&photos).contains(&json!("receiving")));
    assert_eq!(bench.uploads(), vec![format!("{county}.{abandoned}")]);
    assert_eq!(progress(&bench, abandoned).await, 500);

    bench.clock.advance(Span::hours(23));
    assert_eq!(sweep::pass(&bench.server.yitu).await.unwrap(), 0);
    bench.clock.advance(Span::hours(2));
    assert_eq!(sweep::pass(&bench.server.yitu).await.unwrap(), 1);
    assert_eq!(states(&bench.photos().await), vec![json!("ready")]);
    assert_eq!(bench.uploads(), Vec::<String>::new());
    // The phone comes back and begins anew.
    assert_eq!(announce(&bench, abandoned, file.len()).await.status(), StatusCode::CREATED);
    assert_eq!(piece(&bench, abandoned, 0, file.clone()).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(bench.photos().await.len(), 2);
}
