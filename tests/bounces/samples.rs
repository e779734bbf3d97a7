//! Mails about mails that came back, in the shapes that mail servers give them.

/// The mail that came back, as its report names it.
pub struct Sent<'a> {
    pub id: &'a str,
    /// With its angle brackets.
    pub message_id: &'a str,
    pub to: &'a str,
}

/// The headers that servers return.
fn head(sent: &Sent<'_>) -> String {
    let Sent { id, message_id, to } = sent;
    format!(
        "Return-Path: <orders@shop.example>\r\nReceived: from orders.shop.example by relay.example; Tue, 12 Jan 2027 10:00:00 -0500\r\n\
         From: Acme Outdoor <orders@shop.example>\r\nTo: {to}\r\nSubject: Your order S1: Lamp A1 is on backorder\r\n\
         Message-ID:\r\n {message_id}\r\nX-Backorderd-Id: {id}\r\nX-Backorderd-Kind: backordered\r\n"
    )
}

/// A report: the part for people, the status, and the returned part with its type.
fn report(from: &str, to: &str, words: &str, status: &str, kind: &str, returned: &str) -> String {
    let text = format!(
        "Received: by mx.example; Tue, 12 Jan 2027 10:05:00 -0500\nFrom: {from}\nTo: {to}\n\
         Subject: Undelivered Mail Returned to Sender\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=delivery-status;\n\tboundary=\"part/of.a-report\"\n\n\
         This is a MIME-encapsulated message.\n\n\
         --part/of.a-report\nContent-Description: Notification\nContent-Type: text/plain; charset=us-ascii\n\n{words}\n\n\
         --part/of.a-report\nContent-Description: Delivery report\nContent-Type: message/delivery-status\n\n{status}\n\n\
         --part/of.a-report\nContent-Description: Undelivered Message\nContent-Type: {kind}\n\n{returned}\n\n\
         --part/of.a-report--\n"
    );
    text.replace("\r\n", "\n").replace('\n', "\r\n")
}

/// Postfix returns the whole mail.
pub fn postfix(sent: &Sent<'_>, status: &str, diagnosis: &str) -> String {
    let to = sent.to;
    let words = format!(
        "This is the mail system at host relay.example.\n\nI'm sorry to have to inform you that your message could not\n\
         be delivered to one or more recipients.\n\n<{to}>: host mx.example[192.0.2.1] said: {diagnosis} (in reply to\n    RCPT TO command)"
    );
    let status = format!(
        "Reporting-MTA: dns; relay.example\nX-Postfix-Queue-ID: 4TABC12345\nX-Postfix-Sender: rfc822; orders@shop.example\n\
         Arrival-Date: Tue, 12 Jan 2027 10:00:00 -0500 (EST)\n\nFinal-Recipient: rfc822; {to}\nOriginal-Recipient: rfc822;{to}\n\
         Action: failed\nStatus: {status}\nRemote-MTA: dns; mx.example\nDiagnostic-Code: smtp; {diagnosis}"
    );
    let returned = format!("{}Content-Type: text/plain\n\nYour order waits.", head(sent));
    report(
        "MAILER-DAEMON@relay.example (Mail Delivery System)",
        "orders@shop.example",
        &words,
        &status,
        "message/rfc822",
        &returned,
    )
}

/// Exim returns the headers, and its status has no line of a remote server's name before the action.
pub fn exim(sent: &Sent<'_>, diagnosis: &str) -> String {
    let to = sent.to;
    let words = format!(
        "This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or more of its\n\
         recipients. This is a permanent error. The following address(es) failed:\n\n  {to}\n    host mx.example [192.0.2.1]\n\
         \x20   SMTP error from remote mail server after RCPT TO:<{to}>:\n    {diagnosis}"
    );
    let status = format!(
        "Reporting-MTA: dns; relay.example\n\nAction: failed\nFinal-Recipient: rfc822;{to}\nStatus: 5.0.0\n\
         Remote-MTA: dns; mx.example\nDiagnostic-Code: smtp; {diagnosis}"
    );
    let text = report(
        "Mail Delivery System <Mailer-Daemon@relay.example>",
        "orders@shop.example",
        &words,
        &status,
        "text/rfc822-headers",
        &head(sent),
    );
    text.replacen("Auto-Submitted", &format!("X-Failed-Recipients: {to}\r\nAuto-Submitted"), 1)
}

/// What Exim sent before it knew reports, and what some still send.
pub fn old_exim(sent: &Sent<'_>, diagnosis: &str) -> String {
    let to = sent.to;
    format!(
        "From: Mail Delivery System <Mailer-Daemon@relay.example>\nTo: orders@shop.example\nX-Failed-Recipients: {to}\n\
         Auto-Submitted: auto-generated\nSubject: Mail delivery failed: returning message to sender\n\n\
         This message was created automatically by mail delivery software.\n\nThe following address(es) failed:\n\n  {to}\n\
         \x20   SMTP error from remote mail server after RCPT TO:<{to}>:\n    {diagnosis}\n\n\
         ------ This is a copy of the message, including all the headers. ------\n\n{}\nYour order waits.\n",
        head(sent).replace("\r\n", "\n")
    )
}

/// Exchange writes a page for people, and its diagnosis has no blank behind the kind.
pub fn exchange(sent: &Sent<'_>) -> String {
    let to = sent.to;
    let words = format!(
        "Delivery has failed to these recipients or groups:\n\n{to}\nThe email address you entered couldn't be found."
    );
    let status = format!(
        "Reporting-MTA: dns;EX01.corp.example\nReceived-From-MTA: dns;relay.example\nArrival-Date: Tue, 12 Jan 2027 15:00:01 +0000\n\n\
         Final-Recipient: rfc822;{to}\nAction: failed\nStatus: 5.1.10\n\
         Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient\n {to} not found by SMTP address lookup\n\
         X-Display-Name: Ada"
    );
    let returned = format!("{}Content-Type: text/plain\n\nYour order waits.", head(sent));
    report(
        "Microsoft Outlook <postmaster@corp.example>",
        "orders@shop.example",
        &words,
        &status,
        "message/rfc822",
        &returned,
    )
}

/// Gmail's part for people is a part of parts; its reply has several lines.
pub fn gmail(sent: &Sent<'_>) -> String {
    let to = sent.to;
    let status = format!(
        "Reporting-MTA: dns; googlemail.example\nArrival-Date: Tue, 12 Jan 2027 07:00:00 -0800 (PST)\n\
         X-Original-Message-ID: {}\n\nFinal-Recipient: rfc822; {to}\nAction: failed\nStatus: 5.1.1\n\
         Remote-MTA: dns; mx.example. (192.0.2.1, the server for the domain.)\n\
         Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not exist.\n 550 5.1.1 Please check it.\n\
         Last-Attempt-Date: Tue, 12 Jan 2027 07:00:02 -0800 (PST)",
        sent.message_id
    );
    let text = report(
        "Mail Delivery Subsystem <mailer-daemon@googlemail.example>",
        "orders@shop.example",
        "@",
        &status,
        "message/rfc822",
        &head(sent),
    );
    let parts = "Content-Type: multipart/related; boundary=\"inner\"\r\n\r\n--inner\r\nContent-Type: multipart/alternative; boundary=\"deep\"\r\n\r\n\
        --deep\r\nContent-Type: text/plain; charset=\"UTF-8\"\r\n\r\n** Address not found **\r\n\r\n--deep\r\n\
        Content-Type: text/html; charset=\"UTF-8\"\r\n\r\n<p>Address not found</p>\r\n\r\n--deep--\r\n\r\n--inner--\r\n";
    text.replacen("Content-Type: text/plain; charset=us-ascii\r\n\r\n@\r\n", parts, 1)
}

/// A report that nothing is lost yet (`delayed`) or at all (`delivered`).
pub fn status_only(sent: &Sent<'_>, action: &str, status: &str) -> String {
    let to = sent.to;
    let status = format!(
        "Reporting-MTA: dns; relay.example\n\nFinal-Recipient: rfc822; {to}\nAction: {action}\nStatus: {status}"
    );
    report(
        "MAILER-DAEMON@relay.example",
        "orders@shop.example",
        "For your information.",
        &status,
        "text/rfc822-headers",
        &head(sent),
    )
}

/// A failure that returns nothing of the mail; only the address that it went to says which it was.
pub fn to_its_own_address(address: &str, recipient: &str) -> String {
    let status = format!(
        "Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; {recipient}\nAction: failed\nStatus: 5.1.1"
    );
    let text = report("postmaster@mx.example", "somebody", "No such user.", &status, "text/plain", "(left out)");
    text.replacen("To: somebody", &format!("Delivered-To: {address}\r\nTo: \"Bounces\" <{address}>"), 1)
}

/// A complaint of a mailbox provider (RFC 5965).
pub fn complaint(sent: &Sent<'_>) -> String {
    let status = format!("Feedback-Type: abuse\nUser-Agent: Loop/1.0\nVersion: 1\nOriginal-Rcpt-To: <{}>", sent.to);
    let text = report(
        "feedback@mx.example",
        "abuse@shop.example",
        "A user called this unwanted.",
        &status,
        "message/rfc822",
        &head(sent),
    );
    text.replace("message/delivery-status", "message/feedback-report")
        .replace("report-type=delivery-status", "report-type=feedback-report")
}

/// What comes to such an address too.
pub fn out_of_office() -> String {
    "From: Ada <ada@example.com>\r\nTo: orders@shop.example\r\nSubject: Out of office\r\nAuto-Submitted: auto-replied\r\n\r\nBack on Monday.\r\n"
        .to_owned()
}
