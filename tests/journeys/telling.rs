//! News is the difference between what she was told and what the shop shows.

use crate::support::app::TestApp;

#[tokio::test]
async fn the_first_sweep_is_silent_and_what_changes_later_is_told() {
    for app in TestApp::untouched_on_each_engine(&[]) {
        let app = app.await;
        app.shop.backorder("A1").await;
        assert!(app.sweep().await.baseline);
        app.tick_all().await;
        assert_eq!(app.kinds(), [""; 0]);

        app.shop.expect("A1", "2027-03-01").await;
        app.tick_all().await;
        assert_eq!(app.kinds(), ["date_changed"]);
        let text = app.last_mail().text;
        assert!(text.contains("February 10, 2027") && text.contains("March 1, 2027"), "{text}");
    }
}

#[tokio::test]
async fn a_first_sweep_with_notify_tells_everybody_who_waits() {
    for app in TestApp::untouched_on_each_engine(&[("orders.first_sweep", "notify")]) {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.shop.line("A2").order("S2").short(0).put().await;
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered"]);
        app.tick_all().await;
        assert_eq!(app.mails().len(), 1);
    }
}

#[tokio::test]
async fn a_line_on_backorder_is_told_once_with_both_choices() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        for _ in 0..3 {
            app.tick_all().await;
        }
        let mails = app.mails();
        assert_eq!(mails.len(), 1);
        assert!(!mails[0].date.is_empty());
        assert_eq!((&*mails[0].to, &*mails[0].kind, &*mails[0].order), ("ada@example.com", "backordered", "S1"));
        for part in [&mails[0].text, &mails[0].html] {
            assert!(part.contains("Lamp A1") && part.contains("February 10, 2027"), "{part}");
            let part = part.replace("&amp;", "&").replace("&#38;", "&");
            assert!(part.contains("?line=A1&want=wait") && part.contains("?line=A1&want=cancel"), "{part}");
        }
        let entry = &app.entries().await[0];
        assert_eq!(entry.message_id.as_deref(), Some(&*mails[0].id));
        assert_eq!(entry.subject.as_deref(), Some(&*mails[0].subject));
        assert_eq!((entry.attempts, entry.last_reply.as_deref()), (1, Some("250 2.0.0 queued")));
    }
}

#[tokio::test]
async fn a_date_that_moves_twice_between_two_looks_is_told_once_with_the_newest_date() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.tick_all().await;
        app.shop.expect("A1", "2027-03-01").await;
        app.shop.expect("A1", "2027-04-15").await;
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered", "date_changed"]);
        let text = app.last_mail().text;
        assert!(text.contains("April 15, 2027") && !text.contains("March 1"), "{text}");
    }
}

#[tokio::test]
async fn a_date_that_flips_back_to_the_told_one_is_no_news() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.tick_all().await;
        app.shop.expect("A1", "2027-03-01").await;
        app.sweep().await;
        app.advance("10s");
        app.shop.expect("A1", "2027-02-10").await;
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered"]);
        assert_eq!(app.log().await, ["backordered sent", "date_changed superseded"]);
    }
}

#[tokio::test]
async fn a_date_that_becomes_unknown_or_known_is_news() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.tick_all().await;
        app.shop.set("A1", "expected_on = null").await;
        app.tick_all().await;
        assert!(app.last_mail().text.contains("February 10, 2027"), "the old date is named");
        app.shop.expect("A1", "2027-05-01").await;
        app.tick_all().await;
        assert!(app.last_mail().text.contains("May 1, 2027"));
        assert_eq!(app.kinds(), ["backordered", "date_changed", "date_changed"]);
    }
}

#[tokio::test]
async fn a_date_by_product_is_used_where_the_line_knows_none() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.line("A1").expected(None).put().await;
        app.shop.run("insert into expected values ('P-A1', '2027-03-03', 'The ship is late.')").await;
        app.tick_all().await;
        let text = app.last_mail().text;
        assert!(text.contains("March 3, 2027") && text.contains("The ship is late."), "{text}");
        app.shop.run("update expected set expected_on = '2027-03-04'").await;
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered", "date_changed"]);
        assert!(app.last_mail().text.contains("March 4, 2027"));
    }
}

#[tokio::test]
async fn what_came_in_is_told_in_part_and_whole() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.line("A1").ordered(5).short(5).put().await;
        app.tick_all().await;
        app.shop.set("A1", "short_qty = 2").await;
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered", "restocked"]);
        assert_eq!(app.entries().await[1].content.lines[0].quantity, 3.into());
        app.shop.set("A1", "short_qty = 0").await;
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered", "restocked", "restocked"]);
        assert_eq!(app.entries().await[2].content.lines[0].quantity, 2.into());
    }
}

#[tokio::test]
async fn a_line_that_was_never_told_as_waiting_is_never_told_as_restocked_or_cancelled() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.sweep().await;
        app.advance("5s");
        app.shop.set("A1", "short_qty = 0").await;
        app.shop.line("A2").order("S2").short(0).put().await;
        app.tick_all().await;
        app.shop.set("A1", "cancelled_qty = 2").await;
        app.shop.set("A2", "cancelled_qty = 2").await;
        app.tick_all().await;
        assert_eq!(app.kinds(), [""; 0]);
    }
}

#[tokio::test]
async fn what_the_shop_cancels_is_told_also_if_the_rest_shipped() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.line("A1").ordered(3).short(3).put().await;
        app.shop.line("B1").order("S2").put().await;
        app.tick_all().await;
        app.shop.set("A1", "shipped_qty = 2, cancelled_qty = 1, short_qty = 0").await;
        app.shop.set("B1", "cancelled_qty = 2, short_qty = 0").await;
        app.tick_all().await;
        let entries = app.entries().await;
        let told = |order: &str| entries.iter().rfind(|entry| entry.order_id == order).unwrap();
        assert_eq!((told("S1").kind.word(), told("S1").content.lines[0].quantity), ("cancelled", 1.into()));
        assert_eq!((told("S2").kind.word(), told("S2").content.lines[0].quantity), ("cancelled", 2.into()));
        assert_eq!(app.mails().len(), 4);
    }
}

#[tokio::test]
async fn shipping_is_never_told() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.tick_all().await;
        app.shop.set("A1", "shipped_qty = 2, short_qty = 0").await;
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered"]);
    }
}

#[tokio::test]
async fn a_line_that_vanishes_is_told_nothing_and_compared_with_what_was_told_when_it_returns() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        // A feed that is emptied would be refused.
        app.shop.line("B1").order("S2").short(0).put().await;
        app.shop.backorder("A1").await;
        app.tick_all().await;
        app.shop.expect("A1", "2027-03-01").await;
        app.sweep().await;
        app.shop.delete("A1").await;
        app.tick_all().await;
        app.advance("30d");
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered"], "its mails stopped");
        assert_eq!(app.log().await, ["backordered sent", "date_changed superseded"]);

        app.shop.line("A1").expected(Some("2027-03-01")).put().await;
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered", "date_changed"]);
        app.shop.delete("A1").await;
        app.tick_all().await;
        app.shop.line("A1").expected(Some("2027-03-01")).put().await;
        app.tick_all().await;
        assert_eq!(app.mails().len(), 2, "it returned as it was told");
    }
}

#[tokio::test]
async fn a_line_that_is_ready_and_then_back_on_backorder_is_told_again() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.tick_all().await;
        app.shop.set("A1", "short_qty = 0").await;
        app.tick_all().await;
        app.shop.set("A1", "short_qty = 1").await;
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered", "restocked", "backordered"]);
        assert_eq!(app.entries().await[2].content.lines[0].quantity, 1.into());
    }
}

#[tokio::test]
async fn the_lines_of_an_order_go_into_one_mail_that_the_weightiest_news_names() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        for line in ["A1", "A2", "A3", "A4"] {
            app.shop.backorder(line).await;
        }
        app.shop.line("B1").order("S2").put().await;
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered", "backordered"]);
        app.shop.set("A1", "short_qty = 0").await;
        app.shop.expect("A2", "2027-03-01").await;
        app.shop.set("A3", "shipped_qty = 1, cancelled_qty = 1, short_qty = 0").await;
        app.tick_all().await;
        let mail = app.last_mail();
        assert_eq!((app.mails().len(), &*mail.kind), (3, "date_changed"));
        let entry = app.entries().await.pop().unwrap();
        let said: Vec<_> = entry.content.lines.iter().map(|line| (&*line.line_id, line.news.len())).collect();
        assert_eq!(said, [("A2", 1), ("A1", 1), ("A3", 1), ("A4", 0)], "news first, then what waits unchanged");
        let at = |lamp: &str| mail.text.find(lamp).unwrap_or_else(|| panic!("{lamp} in {}", mail.text));
        assert!(at("Lamp A2") < at("Lamp A1") && at("Lamp A1") < at("Lamp A4"));
    }
}

#[tokio::test]
async fn a_line_with_two_kinds_of_news_tells_both() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.line("A1").ordered(5).short(5).put().await;
        app.tick_all().await;
        app.shop.set("A1", "short_qty = 2, expected_on = '2027-03-01'").await;
        app.tick_all().await;
        let entry = app.entries().await.pop().unwrap();
        let news: Vec<_> = entry.content.lines[0].news.iter().map(|kind| kind.word()).collect();
        assert_eq!((entry.kind.word(), news), ("date_changed", vec!["date_changed", "restocked"]));
    }
}

#[tokio::test]
async fn a_poll_tells_what_changed_between_two_sweeps() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.shop.line("B1").order("S2").put().await;
        app.tick_all().await;
        app.shop.expect("A1", "2027-03-01").await;
        app.poll().await;
        app.advance("30s");
        app.poll().await;
        app.deliver().await;
        assert_eq!(app.kinds(), ["backordered", "backordered", "date_changed"]);
    }
}

#[tokio::test]
async fn a_settling_line_that_vanished_before_a_poll_is_not_told() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.line("B1").order("S2").put().await;
        app.tick_all().await;
        app.shop.backorder("A1").await;
        app.poll().await;
        app.shop.delete("A1").await;
        app.advance("30s");
        app.poll().await;
        app.deliver().await;
        assert_eq!(app.mails().len(), 1);
    }
}

#[tokio::test]
async fn each_mail_of_an_order_belongs_to_its_thread() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.shop.line("B1").order("S2").put().await;
        app.tick_all().await;
        for day in ["2027-03-01", "2027-03-02"] {
            app.shop.expect("A1", day).await;
            app.tick_all().await;
        }
        let mails: Vec<_> = app.mails().into_iter().filter(|mail| mail.order == "S1").collect();
        assert_eq!(mails.len(), 3);
        assert_eq!((&*mails[0].in_reply_to, &*mails[0].references), ("", ""));
        assert_eq!((&mails[1].in_reply_to, &mails[1].references), (&mails[0].id, &mails[0].id));
        assert_eq!(mails[2].in_reply_to, mails[1].id);
        assert_eq!(mails[2].references, format!("{} {}", mails[0].id, mails[1].id));
    }
}
