# Die Worte der E-Mails auf Deutsch.
#
# Ein Shop kann eigene Worte darüberlegen: eine Datei gleichen Namens in [shop] words_dir,
# nur mit den Nachrichten, die er anders sagt. Jede Nachricht kennt die Variablen, die in
# en.ftl über ihr stehen, und keine anderen.

## Betreff: nur zur Bestellung. Kein Preis, nichts, was ein Produkt anpreist.

subject = Bestellung { $order }: { $news }

things = { $more ->
    [0] { $product }
    [one] { $product } und 1 weiterer Artikel
   *[other] { $product } und { $more } weitere Artikel
}
things-are = { $more ->
    [0] { $product } ist
    [one] { $product } und 1 weiterer Artikel sind
   *[other] { $product } und { $more } weitere Artikel sind
}

part-of-product = { $product } ({ $quantity } von { $whole })

news-reply-needed = { $when ->
    [dated] { things }, bitte bis { $date } antworten
   *[mixed] { things }, bitte antworten
}
news-backordered = { $when ->
    [expected] { things } nicht auf Lager, erwartet am { $date }
    [shipping] { things } nicht auf Lager, Versand bis { $date }
    [delivery] { things } nicht auf Lager, Lieferung bis { $date }
    [unknown] { things } nicht auf Lager, Termin noch offen
   *[mixed] { things } nicht auf Lager
}
news-date-changed = { $when ->
    [expected] { things } jetzt am { $date } erwartet
    [shipping] { things } jetzt mit Versand bis { $date }
    [delivery] { things } jetzt mit Lieferung bis { $date }
    [unknown] { things }: neuer Termin noch offen
   *[mixed] { things }: neue Termine
}
news-overdue = { things-are } verspätet
news-restocked = { things-are } jetzt auf Lager
news-cancelled = { things } storniert
news-still-waiting = { $when ->
    [expected] { things } weiter nicht auf Lager, erwartet am { $date }
    [shipping] { things } weiter nicht auf Lager, Versand bis { $date }
    [delivery] { things } weiter nicht auf Lager, Lieferung bis { $date }
   *[other] { things } weiter nicht auf Lager
}
news-refund-owed = Erstattung, { things }
news-choice-received = { $choice ->
    [wait] Antwort eingegangen, { things }: warten
    [cancel] Antwort eingegangen, { things }: stornieren
   *[mixed] Ihre Antworten sind eingegangen
}
news-choice-refused = { $choice ->
    [cancel] { things } nicht storniert
   *[wait] { things }, Ihre Antwort war nicht ausführbar
}
news-fresh-link = Ihr neuer Link

## Der Kopf des Briefes

order = Bestellung { $order }

headline-reply-needed = { $when ->
    [dated] Bitte antworten Sie bis zum { $date }
   *[mixed] Wir brauchen Ihre Antwort
}
headline-backordered = { $count ->
    [one] Ein Artikel Ihrer Bestellung ist derzeit nicht auf Lager
   *[other] { $count } Artikel Ihrer Bestellung sind derzeit nicht auf Lager
}
headline-date-changed = { $change ->
    [later] Ihre Bestellung dauert länger als geplant
    [earlier] Ihre Bestellung kommt früher als geplant
    [known] Für Ihre Bestellung gibt es einen Termin
    [unknown] Für Ihre Bestellung gibt es derzeit keinen Termin
   *[mixed] Die Termine Ihrer Bestellung haben sich geändert
}
headline-overdue = Ihre Bestellung verspätet sich
headline-restocked = { $count ->
    [one] Ein Artikel, auf den Sie warten, ist jetzt auf Lager
   *[other] { $count } Artikel, auf die Sie warten, sind jetzt auf Lager
}
headline-cancelled = Eine Stornierung in Ihrer Bestellung
headline-still-waiting = Ihre Bestellung wartet weiter auf Ware
headline-refund-owed = Wir schulden Ihnen eine Erstattung
headline-choice-received = { $choice ->
    [wait] Ihre Antwort ist eingegangen: Sie warten
    [cancel] Ihr Wunsch zu stornieren ist eingegangen
   *[mixed] Ihre Antworten sind eingegangen
}
headline-choice-refused = { $choice ->
    [cancel] Wir konnten das nicht für Sie stornieren
   *[wait] Wir konnten Ihrem Wunsch nicht folgen
}
headline-fresh-link = Hier ist Ihr neuer Link

hello = Guten Tag,
hello-name = Guten Tag { $name },

intro-reply-needed = wir haben noch nichts von Ihnen gehört. Bitte sagen Sie uns, ob Sie lieber warten oder stornieren möchten; unten steht, was ohne Ihre Antwort geschieht.
intro-backordered = vielen Dank für Ihre Bestellung. Leider ist gerade nicht alles davon auf Lager. Hier steht, was wir wissen und wie es weitergeht.
intro-date-changed = { $change ->
    [later] es tut uns leid: Worauf Sie warten, kommt später als geplant.
    [earlier] gute Nachrichten: Worauf Sie warten, kommt früher als geplant.
    [known] für das, worauf Sie warten, haben wir jetzt einen Termin.
    [unknown] es tut uns leid: Der erwartete Termin gilt nicht mehr, und einen neuen kennen wir noch nicht.
   *[mixed] die Termine für das, worauf Sie warten, haben sich geändert.
}
intro-overdue = es tut uns leid: Worauf Sie warten, ist nicht wie erwartet eingetroffen.
intro-restocked = vielen Dank für Ihre Geduld. Worauf Sie gewartet haben, ist eingetroffen.
intro-cancelled = leider müssen wir Ihnen mitteilen, dass etwas aus Ihrer Bestellung storniert wurde. Darum geht es:
intro-still-waiting = zu dem, worauf Sie warten, gibt es noch nichts Neues. Wir schreiben, damit Sie wissen, dass wir Sie nicht vergessen haben.
intro-refund-owed = es tut uns leid: Worauf Sie warten, wurde nicht rechtzeitig versandt. Sie müssen die Erstattung nicht anfordern.
intro-choice-received = diese E-Mail bestätigt, was Sie wann geantwortet haben. Sie bedeutet nicht, dass es schon ausgeführt ist.
intro-choice-refused = es tut uns leid: Was Sie gewünscht haben, war nicht möglich. Unser Kundendienst wird Ihnen schreiben.
intro-fresh-link = Sie haben einen neuen Link zu Ihrer Bestellung angefordert. Bitte verwenden Sie ab jetzt nur noch diesen: Die Links in unseren früheren E-Mails gelten nicht mehr.
choose-below = Unten können Sie wählen, ob Sie warten oder stornieren.

## Eine Zeile der Bestellung

status-reply-needed = Antwort nötig
status-backordered = Nicht auf Lager
status-date-changed = { $change ->
    [later] Später als geplant
    [earlier] Früher als geplant
    [known] Termin jetzt bekannt
   *[unknown] Derzeit kein Termin
}
status-overdue = Verspätet
status-restocked = Auf Lager
status-cancelled = Storniert
status-shipped = Versandt
status-choice-received = Antwort eingegangen
status-choice-refused = Nicht ausgeführt
status-waiting = Wartet weiter

item-number = Artikelnr. { $sku }

label-quantity = Menge
part = { $quantity } von Ihren { $whole }
label-missing = Fehlt noch
label-date = { $meaning ->
    [shipping] Versand bis
    [delivery] Lieferung bis
    [unknown] Termin
   *[expected] Erwartet am
}
label-previous-date = Bisher
date-unknown = noch nicht bekannt
label-reason = Grund
label-answer-by = Antwort bis
label-answer = Ihre Antwort
answered = { $choice ->
    [wait] Ich warte
   *[cancel] Artikel stornieren
}
label-answered-at = Eingegangen am
label-refused-because = Grund der Ablehnung

next-dated = Wir senden den Artikel, sobald er da ist, und schreiben Ihnen, wenn sich der Termin ändert.
next-undated = Wir schreiben Ihnen, sobald wir einen Termin kennen.
next-rest-dated = Der Rest folgt, sobald er da ist. Ändert sich der Termin, schreiben wir Ihnen.
next-rest-undated = Wir schreiben Ihnen, sobald wir einen Termin für den Rest kennen.
next-restocked = Wir bereiten den Versand vor.
next-cancelled-unanswered = Bis zum { $date } hatten wir keine Antwort von Ihnen, und der Artikel war bis dahin nicht versandt; deshalb ist Ihre Bestellung dieses Artikels storniert, wie angekündigt.
next-cancelled = Was storniert wurde, wird nicht versandt. Haben Sie es schon bezahlt, erstatten wir Ihnen den Betrag.
next-cancel-received = Wir kümmern uns darum und schreiben Ihnen, falls es nicht möglich ist. Sobald der Artikel storniert ist, erhalten Sie zurück, was Sie dafür bezahlt haben.
next-stands = Ihre Bestellung dieses Artikels bleibt bestehen.
next-shipped = Er ist auf dem Weg zu Ihnen.
nothing-to-do = Sie müssen nichts weiter tun.

answer-wait = Ich warte
answer-cancel = Artikel stornieren

## Was das Gesetz uns zu einem Artikel sagen lässt. Diese Sätze geben der Kundin ihre Rechte: Wer sie anders fasst,
## lasse stehen, was jeder von ihnen sagt.

ask = Möchten Sie lieber warten oder den Artikel stornieren?
silence-nothing = Wenn Sie nicht antworten, ändert sich nichts: Ihre Bestellung bleibt bestehen, und nichts wird storniert.
silence-nothing-agreed = Wenn Sie nicht antworten, ändert sich nichts: Ihre Bestellung bleibt bestehen, nichts wird storniert, und Ihre Rechte aus dem Liefertermin { $date } bleiben, wie sie sind.

offer-dated = Sie können bis zum { $date } warten oder den Artikel jetzt stornieren; dann erhalten Sie umgehend Ihr Geld zurück.
offer-undated = Wir können nicht sagen, wie lange es dauern wird. Sie können trotzdem warten oder den Artikel jetzt stornieren; dann erhalten Sie umgehend Ihr Geld zurück.
offer-still = Bis zum Versand können Sie den Artikel jederzeit noch stornieren und erhalten dann umgehend Ihr Geld zurück.
may-still-cancel = Bis zum Versand können Sie den Artikel noch stornieren.
silence-consent = Wenn Sie nicht antworten, sind Sie damit einverstanden, dass wir den Artikel spätestens am { $date } versenden.
silence-cancels = Wenn Sie bis zum { $date } nicht antworten und der Artikel bis dahin nicht versandt ist, wird Ihre Bestellung dieses Artikels automatisch storniert, und Sie erhalten umgehend Ihr Geld zurück.
silence-as-told = Sie müssen nicht antworten: Ohne Ihre Antwort gilt weiter, was wir Ihnen zuvor mitgeteilt haben.
wait-undated = Wenn Sie warten, können Sie bis zum Versand jederzeit noch stornieren.
costs-nothing = Die Antwort kostet Sie nichts.
refund-owed = Wir schulden Ihnen umgehend das Geld zurück, das Sie dafür bezahlt haben.
refund-because = Der Artikel wurde nicht rechtzeitig versandt, und wir haben Sie nicht rechtzeitig gefragt, ob Sie darauf warten möchten.

shared-notice = Für jeden der folgenden { $count } Artikel gilt:

## Unter den Neuigkeiten

also-waiting = Außerdem wartet in dieser Bestellung
more-lines = { $count ->
    [one] Eine weitere Zeile Ihrer Bestellung ist hier nicht aufgeführt.
   *[other] { $count } weitere Zeilen Ihrer Bestellung sind hier nicht aufgeführt.
}
all-lines = Alle ansehen
see-order = Bestellung ansehen und antworten
see-answers = Bestellung und Antworten ansehen

alternatives = Sofort auf Lager
instead-of = Statt { $product }

regards = Mit freundlichen Grüßen

## Fußzeile

questions = Fragen? Schreiben Sie an { $email }.
why = Sie erhalten diese E-Mail, weil Sie bei { $shop } die Bestellung { $order } aufgegeben haben.

## Die Seite hinter den Links einer E-Mail
## =======================================

page-headline-waiting = { $count ->
    [one] Ein Artikel Ihrer Bestellung wartet
   *[other] { $count } Artikel Ihrer Bestellung warten
}
page-headline-closed = In Ihrer Bestellung wartet nichts mehr
page-headline-confirm = { $choice ->
    [wait] Auf diesen Artikel warten?
   *[cancel] Diesen Artikel stornieren?
}
page-intro = Sagen Sie uns zu jedem Artikel, ob Sie darauf warten oder ihn stornieren möchten. Es geschieht erst etwas, wenn Sie auf eine Schaltfläche drücken.
page-intro-closed = Worauf Sie gewartet haben, ist versandt, storniert oder nicht mehr Teil der Bestellung. Es gibt nichts zu beantworten.
page-closed = Wartet nicht mehr

page-status = { $stands ->
    [waiting] Nicht auf Lager
    [ready] Auf Lager
    [cancelling] Stornierung gewünscht
    [shipped] Versandt
    [cancelled] Storniert
   *[gone] Nicht mehr in dieser Bestellung
}
page-next-ready = Der Artikel ist auf Lager, und wir bereiten den Versand vor.

page-told = Wie in unserer E-Mail vom { $date }.
page-told-newest = Wie in unserer neuesten E-Mail, vom { $date }. Was frühere E-Mails zu diesem Artikel sagten, gilt nicht mehr.

page-silence-nothing = Sie müssen nicht antworten. Tun Sie es nicht, ändert sich nichts: Ihre Bestellung bleibt bestehen, und wir halten Sie auf dem Laufenden.
page-silence-answered = Bis zum Versand können Sie weiterhin stornieren.
page-silence-consent = Antworten Sie nicht, sind Sie einverstanden, bis { $date } zu warten.
page-silence-cancels = Hören wir bis { $date } nichts von Ihnen und haben wir den Artikel bis dahin nicht versandt, wird er storniert, und Sie erhalten Ihr Geld zurück.
page-silence-over = Der letzte Tag für eine Antwort war der { $date }. Wurde der Artikel bis dahin nicht versandt, ist er storniert, und Sie erhalten Ihr Geld zurück.
page-agreed-until = Sie sind einverstanden, bis { $date } zu warten. Bis zum Versand können Sie weiterhin stornieren.
page-agreed = Sie sind einverstanden zu warten. Bis zum Versand können Sie jederzeit stornieren.

page-answered = { $choice ->
    [wait] Am { $at } haben Sie gewählt, auf den Artikel zu warten.
   *[cancel] Am { $at } haben Sie gewählt, den Artikel zu stornieren.
}
page-cancel-recorded = Ihre Antwort geht an unsere Bestellabteilung.
page-cancel-taken = Ihre Antwort liegt unserer Bestellabteilung vor.
page-answer-overtaken = Seitdem gibt es neuere Nachrichten. Möchten Sie weiterhin warten?
page-answer-refused = Wir konnten das nicht ausführen. Der Kundendienst wird Ihnen schreiben.
page-answer-refused-because = Wir konnten das nicht ausführen: { $reason }. Der Kundendienst wird Ihnen schreiben.

page-confirm-what-cancel = Das storniert alles von diesem Artikel, was noch nicht versandt ist (Menge: { $quantity }). Haben Sie es schon bezahlt, erhalten Sie Ihr Geld zurück. Das lässt sich nicht rückgängig machen.
page-confirm-what-wait = Ihre Bestellung bleibt bestehen, und wir senden den Artikel, sobald er da ist. Bis zum Versand können Sie weiterhin stornieren.
page-confirm-what-wait-until = Sie sind einverstanden, bis { $date } zu warten. Bis zum Versand können Sie weiterhin stornieren.
page-confirm-what-wait-open = Sie sind einverstanden zu warten, obwohl es noch keinen Termin gibt. Bis zum Versand können Sie jederzeit stornieren.
page-confirm = { $choice ->
    [wait] Ja, ich warte
   *[cancel] Ja, Artikel stornieren
}
page-back = Die ganze Bestellung zeigen

page-recorded = { $choice ->
    [wait] Vielen Dank. Ihre Antwort ist festgehalten: Sie warten auf diesen Artikel. Sie erhalten eine E-Mail, die das bestätigt.
   *[cancel] Vielen Dank. Ihre Antwort ist festgehalten: Sie stornieren diesen Artikel. Sie erhalten eine E-Mail, die das bestätigt.
}
page-not-taken-shipped = Dieser Artikel ist schon versandt und lässt sich daher nicht mehr stornieren.
page-not-taken-cancelled = Dieser Artikel ist schon storniert. Es gibt nichts mehr zu beantworten.
page-not-taken-gone = Dieser Artikel ist nicht mehr Teil der Bestellung. Es gibt nichts mehr zu beantworten.
page-not-taken-cancel-stands = Sie haben diesen Artikel storniert und können daher nicht mehr auf ihn warten.
page-not-taken-late = Warten ist nicht mehr möglich: Der letzte Tag für eine Antwort war der { $date }.
page-not-taken-newer = Zu diesem Artikel gibt es neuere Nachrichten, als Sie gesehen hatten; Ihre Antwort wurde daher nicht festgehalten. Bitte lesen Sie sie und antworten Sie noch einmal.

page-link-old = Dieser Link ist zu alt
page-link-old-text = Zu Ihrer Sicherheit gelten die Links unserer E-Mails nur eine Zeit lang. Wir können einen neuen an die E-Mail-Adresse der Bestellung senden.
page-link-fresh = Neuen Link senden
page-link-sent = Ein neuer Link ist unterwegs
page-link-sent-text = Wir haben ihn an die E-Mail-Adresse der Bestellung gesandt. Das kann einige Minuten dauern. Bitte sehen Sie auch im Spam-Ordner nach.
page-link-moved = Dieser Link wird nicht mehr verwendet
page-link-moved-text = Die Bestellung, zu der er gehörte, wird nicht mehr unter dieser E-Mail-Adresse geführt. Bitte verwenden Sie den Link unserer neuesten E-Mail.

page-unknown = Dieser Link führt nirgendwohin
page-unknown-text = Vielleicht hat ihn Ihr E-Mail-Programm abgeschnitten. Bitte kopieren Sie den ganzen Link aus der E-Mail.
page-guessing = Zu viele falsche Links
page-guessing-text = Bitte warten Sie eine Minute und versuchen Sie es dann erneut.
page-form = Ihre Antwort hat uns nicht erreicht
page-form-text = Es wurde nichts geändert. Bitte gehen Sie zurück zur E-Mail und öffnen Sie den Link erneut.
page-failed = Bei uns ist etwas schiefgegangen
page-failed-text = Bitte versuchen Sie es in einer Minute erneut. Bleibt es so, nennen Sie uns die Nummer { $incident }.
