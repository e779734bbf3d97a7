//! What somebody tries who means harm.

use std::os::unix::fs::PermissionsExt;

use futures_util::stream::{self, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::Site;
use crate::support::http::Http;
use crate::support::installation::Installation;

const CANCEL: [(&str, &str); 2] = [("line", "A1"), ("choice", "cancel")];

#[tokio::test]
async fn tokens_that_are_nearly_right_lead_nowhere() {
    for site in Site::on_each_engine() {
        let site = site.await;
        let page = site.page();
        let token = page.strip_prefix("/choice/").unwrap();
        let turned = token.chars().rev().collect::<String>();
        let mut tokens = vec![
            token[..43].to_owned(),
            format!("{token}A"),
            format!("{token}="),
            format!("{token}%00"),
            format!("%00{token}"),
            format!("{token}%0d%0aset-cookie:%20x=y"),
            format!("{}{}", &token[..22], "A".repeat(22)),
            format!("..%2F{token}"),
            format!("{token}%2F.."),
            format!("%20{token}"),
            token.to_lowercase(),
            turned,
            "%ff%fe".to_owned(),
            "a".repeat(4000),
            "%F0%9F%92%A9".to_owned(),
            "'%20or%201=1--".to_owned(),
        ];
        for place in [0, 10, 21, 22, 43] {
            let mut bytes = token.as_bytes().to_vec();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            tokens.push(String::from_utf8(bytes).unwrap());
        }
        for token in tokens {
            let looked = site.http.get(&format!("/choice/{token}")).await;
            assert_eq!(looked.status, 404, "{token}");
            assert_eq!(looked.header("set-cookie"), "");
            assert_eq!(site.http.post(&format!("/choice/{token}"), &CANCEL).await.status, 404, "{token}");
            site.advance("1m");
        }
        assert_eq!(site.answers().await, [""; 0]);
    }
}

#[tokio::test]
async fn forms_that_no_page_of_ours_made_change_nothing() {
    for site in Site::on_each_engine() {
        let site = site.await;
        let page = site.page();
        let form = "content-type: application/x-www-form-urlencoded\r\n";
        let json = "content-type: application/json\r\n";
        let multipart = "content-type: multipart/form-data; boundary=x\r\n";
        let table = [
            (form, "line=A1", 400),
            (form, "choice=cancel", 400),
            (form, "line=A1&choice=", 400),
            (form, "line=A1&choice=CANCEL", 400),
            (form, "line=A1&choice=cancel&choice=wait", 422),
            (form, "line=A1&line=A2&choice=cancel", 422),
            (form, "line[]=A1&choice=cancel", 400),
            (form, "line=%00&choice=cancel", 404),
            (form, "line=A1%00&choice=cancel", 404),
            (form, "line=%FF%FE&choice=cancel", 404),
            (form, "line=A1%0d%0aset-cookie:x=y&choice=cancel", 404),
            (form, "line=%27%3Bdrop%20table%20choices--&choice=cancel", 404),
            (form, "fresh=1&line=A1&choice=cancel", 303),
            (json, r#"{"line":"A1","choice":"cancel"}"#, 415),
            (multipart, "--x--", 415),
            ("", "line=A1&choice=cancel", 415),
        ];
        for (headers, body, status) in table {
            let reply = site.http.request("POST", &page, headers, body).await;
            assert_eq!(reply.status, status, "{body}: {}", reply.body);
            assert_eq!(reply.header("set-cookie"), "");
        }
        assert_eq!(site.http.request("POST", &page, form, "").await.status, 400);
        assert_eq!(site.answers().await, [""; 0]);
    }
}

#[tokio::test]
async fn a_form_of_another_site_is_not_taken() {
    for site in Site::on_each_engine() {
        let site = site.await;
        for header in
            ["sec-fetch-site: cross-site\r\n", "sec-fetch-site: same-site\r\n", "origin: https://evil.example\r\n"]
        {
            assert_eq!(site.http.post_with(&site.page(), header, &CANCEL).await.status, 403);
        }
        assert_eq!(site.answers().await, [""; 0]);
        // What browsers send from our page, which tells no referrer.
        let ours = "sec-fetch-site: same-origin\r\norigin: null\r\n";
        assert_eq!(site.http.post_with(&site.page(), ours, &CANCEL).await.status, 303);
    }
}

#[tokio::test]
async fn what_a_form_says_comes_back_in_no_header() {
    for site in Site::on_each_engine() {
        let site = site.await;
        let seen = "x\r\nset-cookie: a=b\r\n\r\n<script>\u{1f4a9}";
        let reply = site.http.post(&site.page(), &[("line", "A1"), ("choice", "cancel"), ("seen", seen)]).await;
        assert_eq!((reply.status, reply.header("set-cookie")), (303, ""));
        assert_eq!(reply.header("location"), format!("?line=A1&want=cancel&seen={}", uuid::Uuid::nil()));
        let long = "x".repeat(15_000);
        let reply = site.http.post(&site.page(), &[("line", "A1"), ("choice", "wait"), ("seen", &long)]).await;
        assert_eq!(reply.status, 303);
        assert!(reply.header("location").len() < 200, "{}", reply.header("location").len());
    }
}

#[tokio::test]
async fn methods_and_bodies_that_no_browser_sends_change_nothing() {
    for site in Site::on_each_engine() {
        let site = site.await;
        let page = site.page();
        let form = "content-type: application/x-www-form-urlencoded\r\n";
        for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "post"] {
            let reply = site.http.request(method, &page, form, "line=A1&choice=cancel").await;
            assert_eq!(reply.status, 405, "{method}");
        }
        for method in ["GET", "HEAD"] {
            let reply = site.http.request(method, &page, form, "line=A1&choice=cancel").await;
            assert_eq!(reply.status, 200, "{method}");
        }
        for header in ["x-http-method-override: POST\r\n", "x-method-override: POST\r\n"] {
            assert_eq!(
                site.http
                    .request("GET", &format!("{page}?_method=POST&line=A1&choice=cancel"), header, "")
                    .await
                    .status,
                200
            );
        }
        let huge = format!("line=A1&choice=cancel&seen={}", "x".repeat(2 << 20));
        let reply = site.http.request("POST", &page, form, &huge).await;
        assert_eq!(reply.status, 413);
        let endless = format!(
            "POST {page} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{form}transfer-encoding: chunked\r\n\r\n{}",
            format!("10000\r\n{}\r\n", "x".repeat(0x10000)).repeat(8)
        );
        assert_eq!(site.http.send(endless.as_bytes()).await.map(|reply| reply.status), Some(413));
        for broken in [
            "GET\r\n\r\n",
            "\0\0\0\0",
            &format!("POST {page} HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nline="),
            &format!("POST {page} HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n"),
        ] {
            let reply = site.http.send(broken.as_bytes()).await;
            assert!(reply.is_none_or(|reply| reply.status == 400), "{broken}");
        }
        assert_eq!(site.answers().await, [""; 0]);
    }
}

#[tokio::test]
async fn forms_that_never_end_keep_nobody_waiting() {
    for site in Site::on_each_engine() {
        let site = site.await;
        let endless = format!(
            "POST {} HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n\
             content-length: 100\r\n\r\nline=A1&choice=cancel",
            site.page()
        );
        let mut waiting = Vec::new();
        for _ in 0..200 {
            let mut stream = TcpStream::connect(site.http.address).await.unwrap();
            stream.write_all(endless.as_bytes()).await.unwrap();
            waiting.push(stream);
        }
        assert_eq!(site.http.get(&site.page()).await.status, 200);
        drop(waiting);
        assert_eq!(site.answer("A1", "wait").await.status, 303);
        assert_eq!(site.answers().await, ["A1 wait 2 done"]);
    }
}

#[tokio::test]
async fn guessers_from_everywhere_take_no_more_than_a_little_memory_and_lock_nobody_out() {
    for site in Site::on_each_engine() {
        let site = site.await;
        let looks = (0..3000_u32).map(|number| {
            let (http, from) = (site.http, format!("x-forwarded-for: 10.{}.{}.1\r\n", number / 250, number % 250));
            async move { http.get_with(&format!("/choice/{number:044}"), &from).await.status }
        });
        let statuses: Vec<u16> = stream::iter(looks).buffer_unordered(100).collect().await;
        let looked_up = statuses.iter().filter(|status| **status == 404).count();
        assert!((500..=600).contains(&looked_up), "{looked_up}");
        assert!(statuses.iter().all(|status| [404, 429].contains(status)));
        assert_eq!(site.http.post(&site.page(), &CANCEL).await.status, 303);
    }
}

#[tokio::test]
async fn who_never_ends_a_request_does_not_keep_the_process_from_ending() {
    let installation = Installation::new().await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let listen = [("BACKORDERD__WEB__LISTEN", &*format!("127.0.0.1:{port}"))];
    let running = installation.start(&["run", "--only", "web"], &listen);
    let mut slow = loop {
        match TcpStream::connect(("127.0.0.1", port)).await {
            Ok(connected) => break connected,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    slow.write_all(b"GET /choice/x HTTP/1.1\r\nHost:").await.unwrap();
    let http = Http { address: slow.peer_addr().unwrap() };
    assert_eq!(http.get("/healthz").await.status, 200);
    running.terminate();
    let ended = running.ended().await.good();
    assert!(!ended.stderr.contains("in transfer"), "no mail is: {}", ended.stderr);
}

#[tokio::test]
async fn what_is_remembered_of_customers_can_be_read_by_its_owner_alone() {
    let installation = Installation::new().await;
    installation.run(&["run", "--once", "--only", "watch"]).await.good();
    for file in ["backorderd.db", "link-secret"] {
        let mode = std::fs::metadata(installation.path(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}
