//! What is exchanged with a server that may be reached: headers, bodies, waits and failures.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request};
use http_body_util::{BodyExt, StreamBody};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use wasmtime_wasi_http::{Error, RequestOptions, WasiHttpHooks};

use super::support::{Extension, Names, Server, Silence, fetch, refused, request, send, send_with};
use crate::capabilities::outbound_http::EgressLimits;

#[tokio::test]
async fn headers_of_the_connection_are_refused_and_never_sent() {
    let server = Server::saying_hello().await;
    let port = server.port();
    let extension = Extension::granted(&format!(r#"{{ host = "127.0.0.1", port = {port} }}"#));
    let mut call = extension.call();
    let filter = call.forbidden_header_filter();
    let mut request = request("POST", &format!("http://127.0.0.1:{port}/"), "data");
    for name in [
        "host",
        "connection",
        "keep-alive",
        "te",
        "transfer-encoding",
        "upgrade",
        "proxy-authorization",
    ] {
        let name = HeaderName::from_static(name);
        assert!(filter(&name), "{name}");
        request.headers_mut().insert(name, HeaderValue::from_static("evil"));
    }
    request
        .headers_mut()
        .insert("x-allowed", HeaderValue::from_static("yes"));
    fetch(&mut call, request).await.expect("sent without them");
    let head = server.heads().remove(0);
    assert!(!head.contains("evil") && head.contains("x-allowed: yes"), "{head}");
    assert!(
        head.contains(&format!("host: 127.0.0.1:{port}")) && head.contains("content-length: 4"),
        "{head}"
    );
}

#[tokio::test]
async fn a_response_larger_than_the_limit_is_cut_off() {
    let limits = EgressLimits {
        response_bytes: 10,
        ..EgressLimits::default()
    };
    let announced = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n12345678901").await;
    let chunked = Server::answering(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\n123456\r\n5\r\n12345\r\n0\r\n\r\n",
    )
    .await;
    for server in [&announced, &chunked] {
        let rule = format!(r#"{{ host = "127.0.0.1", port = {} }}"#, server.port());
        let extension = Extension::with(&rule, limits.clone(), Names::default());
        let answer = extension.get(&format!("http://127.0.0.1:{}/", server.port())).await;
        assert_eq!(refused(answer), "HttpResponseBodySize(Some(10))");
    }
}

#[tokio::test]
async fn a_request_larger_than_the_limit_is_not_finished() {
    let limits = EgressLimits {
        request_bytes: 3,
        ..EgressLimits::default()
    };
    // Never answers, so that only the limit can end the request.
    let server = Server::answering("").await;
    let rule = format!(r#"{{ host = "127.0.0.1", port = {} }}"#, server.port());
    let extension = Extension::with(&rule, limits, Names::default());
    let uri = format!("http://127.0.0.1:{}/", server.port());
    let frames = ["12", "34"].map(|data| Ok::<_, Error>(http_body::Frame::data(Bytes::from_static(data.as_bytes()))));
    let streamed = Request::post(&uri)
        .body(StreamBody::new(futures::stream::iter(frames)).boxed_unsync())
        .expect("a request");
    let error = send(&mut extension.call(), streamed).await.expect_err("too large");
    assert!(matches!(error, Error::HttpRequestBodySize(Some(3))), "{error:?}");

    let mut announced = request("POST", &uri, "1234");
    announced
        .headers_mut()
        .insert("content-length", HeaderValue::from_static("4"));
    let error = send(&mut extension.call(), announced).await.expect_err("too large");
    assert!(matches!(error, Error::HttpRequestBodySize(Some(3))), "{error:?}");
}

#[tokio::test]
async fn bodies_are_streamed_in_both_directions() {
    // The server's answer and the guest's body are open at the same time: neither is collected.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        let mut seen = Vec::new();
        let mut chunk = [0; 1024];
        while !seen.windows(5).any(|window| window == b"first") {
            let read = stream.read(&mut chunk).await?;
            seen.extend_from_slice(&chunk[..read]);
        }
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nping\r\n")
            .await?;
        while !seen.ends_with(b"0\r\n\r\n") {
            let read = stream.read(&mut chunk).await?;
            seen.extend_from_slice(&chunk[..read]);
        }
        stream.write_all(b"4\r\npong\r\n0\r\n\r\n").await?;
        io::Result::Ok(String::from_utf8_lossy(&seen).into_owned())
    });
    let extension = Extension::granted(&format!(r#"{{ host = "127.0.0.1", port = {port} }}"#));
    let (body, frames) = mpsc::channel(1);
    let request = Request::post(format!("http://127.0.0.1:{port}/"))
        .body(
            StreamBody::new(futures::stream::unfold(frames, |mut frames: mpsc::Receiver<_>| async {
                frames.recv().await.map(|frame| (Ok::<_, Error>(frame), frames))
            }))
            .boxed_unsync(),
        )
        .expect("a request");
    body.send(http_body::Frame::data(Bytes::from_static(b"first")))
        .await
        .expect("room");
    let mut response = send(&mut extension.call(), request)
        .await
        .expect("answered")
        .into_body();
    let ping = response
        .frame()
        .await
        .expect("a frame")
        .expect("no error")
        .into_data()
        .expect("data");
    assert_eq!(ping, "ping");
    body.send(http_body::Frame::data(Bytes::from_static(b"second")))
        .await
        .expect("still open");
    drop(body);
    let pong = response.collect().await.expect("the rest").to_bytes();
    assert_eq!(pong, "pong");
    let seen = server.await.expect("no panic").expect("no I/O error");
    assert!(seen.contains("first") && seen.contains("second"), "{seen}");
}

#[tokio::test]
async fn a_call_has_only_so_many_requests_at_the_same_time() {
    let server = Server::saying_hello().await;
    let limits = EgressLimits {
        concurrent_requests: 2,
        ..EgressLimits::default()
    };
    let rule = format!(r#"{{ host = "127.0.0.1", port = {} }}"#, server.port());
    let extension = Extension::with(&rule, limits, Names::default());
    let uri = format!("http://127.0.0.1:{}/", server.port());
    let mut call = extension.call();
    let first = send(&mut call, request("GET", &uri, "")).await.expect("a place");
    let second = send(&mut call, request("GET", &uri, "")).await.expect("a place");
    let error = send(&mut call, request("GET", &uri, ""))
        .await
        .expect_err("no third place");
    assert!(matches!(error, Error::ConnectionLimitReached), "{error:?}");
    // Another call has places of its own.
    assert!(fetch(&mut extension.call(), request("GET", &uri, "")).await.is_ok());
    // A place is free again when a body was read to its end, and when it was dropped.
    first.into_body().collect().await.expect("hello");
    let third = send(&mut call, request("GET", &uri, ""))
        .await
        .expect("the first one's place");
    drop(second);
    send(&mut call, request("GET", &uri, ""))
        .await
        .expect("the second one's place");
    drop(third);
}

#[tokio::test]
async fn each_wait_has_its_own_limit_and_a_guest_can_only_shorten_it() {
    let short = Duration::from_millis(20);
    let patient = RequestOptions {
        connect_timeout: Some(Duration::from_hours(1)),
        first_byte_timeout: Some(Duration::from_hours(1)),
        between_bytes_timeout: Some(Duration::from_hours(1)),
    };
    let hasty = RequestOptions {
        connect_timeout: Some(short),
        first_byte_timeout: Some(short),
        between_bytes_timeout: Some(short),
    };
    let strict = EgressLimits {
        connect_timeout: short,
        first_byte_timeout: short,
        between_bytes_timeout: short,
        ..EgressLimits::default()
    };
    let silent = Server::answering("").await;
    let stuck = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbegin").await;
    for (limits, options) in [(strict, patient), (EgressLimits::default(), hasty)] {
        let rules = format!(
            r#"{{ host = "127.0.0.1", port = {} }}, {{ host = "127.0.0.1", port = {} }}, {{ host = "slow.example" }}"#,
            silent.port(),
            stuck.port()
        );
        let extension = Extension::with(&rules, limits, Silence);
        let mut call = extension.call();

        let error = send_with(&mut call, request("GET", "http://slow.example/", ""), Some(options)).await;
        assert!(matches!(error, Err(Error::ConnectionTimeout)), "{error:?}");

        let uri = format!("http://127.0.0.1:{}/", silent.port());
        let error = send_with(&mut call, request("GET", &uri, ""), Some(options)).await;
        assert!(matches!(error, Err(Error::ConnectionReadTimeout)), "{error:?}");

        let uri = format!("http://127.0.0.1:{}/", stuck.port());
        let response = send_with(&mut call, request("GET", &uri, ""), Some(options))
            .await
            .expect("the head");
        let error = response.into_body().collect().await;
        assert!(matches!(error, Err(Error::ConnectionReadTimeout)), "{error:?}");
    }
}

#[tokio::test]
async fn failures_have_their_own_error_codes() {
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        listener.local_addr().expect("bound").port()
    };
    let not_tls = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await?;
            stream.write_all(b"220 mail.example ESMTP\r\n").await?;
            stream.read_to_end(&mut Vec::new()).await
        });
        port
    };
    let garbage = Server::answering("SSH-2.0-OpenSSH_9.9\r\n\r\n").await;
    let many_headers = "x: y\r\n".repeat(300);
    let headers = Server::answering(format!("HTTP/1.1 200 OK\r\n{many_headers}\r\n")).await;
    let extension = Extension::granted(r#"{ host = "unknown.example" }"#);
    assert_eq!(
        refused(extension.get("http://unknown.example/").await),
        "DnsError { rcode: None, info_code: None }"
    );
    for (port, scheme, expected) in [
        (closed, "http", "ConnectionRefused"),
        (garbage.port(), "http", "HttpProtocolError"),
        (not_tls, "https", "TlsProtocolError"),
        (headers.port(), "http", "HttpResponseHeaderSectionSize(None)"),
    ] {
        let extension = Extension::granted(&format!(r#"{{ host = "127.0.0.1", port = {port} }}"#));
        assert_eq!(
            refused(extension.get(&format!("{scheme}://127.0.0.1:{port}/")).await),
            expected,
            "{scheme}:{port}"
        );
    }
}
