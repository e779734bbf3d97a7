# The words of the mails in English.
#
# A shop may lay its own wording over this: a file of the same name in [shop] words_dir,
# with only the messages that it says in another way. Every message has the variables named
# above it and no others.

## Subject: about the order only. No price, nothing that praises a product.

# $order: the order's number. $news: one of the messages news-... below.
subject = Order { $order }: { $news }

# $product: the product's name. $more: how many other products have the same news.
things = { $more ->
    [0] { $product }
   *[other] { $product } and { $more } more
}
things-are = { $more ->
    [0] { $product } is
   *[other] { $product } and { $more } more are
}

# A product of which only a part is meant: $quantity of the customer's $whole number of pieces.
part-of-product = { $product } ({ $quantity } of { $whole })

# The variables of things and things-are, and $when: dated, with the last day to answer in $date; or mixed.
news-reply-needed = { $when ->
    [dated] please answer by { $date } about { things }
   *[mixed] please answer about { things }
}
# The variables of things and things-are, and $when: expected, shipping or delivery, with the day in $date;
# unknown; or mixed, if the days differ.
news-backordered = { $when ->
    [expected] { things-are } on backorder, expected { $date }
    [shipping] { things-are } on backorder, ships by { $date }
    [delivery] { things-are } on backorder, delivery by { $date }
    [unknown] { things-are } on backorder, date not known yet
   *[mixed] { things-are } on backorder
}
news-date-changed = { $when ->
    [expected] { things } now expected { $date }
    [shipping] { things } now ships by { $date }
    [delivery] { things } now for delivery by { $date }
    [unknown] new date for { things } not known yet
   *[mixed] new dates for { things }
}
news-overdue = { things-are } running late
news-restocked = { things-are } in stock
news-cancelled = { things } cancelled
news-still-waiting = { $when ->
    [expected] { things-are } still on backorder, expected { $date }
    [shipping] { things-are } still on backorder, ships by { $date }
    [delivery] { things-are } still on backorder, delivery by { $date }
   *[other] { things-are } still on backorder
}
news-refund-owed = refund for { things }
# The variables of things, and $choice: wait, cancel, or mixed, if she answered both. An answer that arrived is not yet
# carried out.
news-choice-received = { $choice ->
    [wait] your answer to wait for { things } has arrived
    [cancel] your request to cancel { things } has arrived
   *[mixed] your answers have arrived
}
news-choice-refused = { $choice ->
    [cancel] { things } could not be cancelled
   *[wait] your answer about { things } could not be carried out
}
news-fresh-link = your new link

## The top of the letter

# $order: the order's number.
order = Order { $order }

# $when: dated, with the last day to answer in $date; or mixed.
headline-reply-needed = { $when ->
    [dated] Please answer by { $date }
   *[mixed] We need your answer
}
# $count: how many products this is about.
headline-backordered = { $count ->
    [one] An item you ordered is on backorder
   *[other] { $count } items you ordered are on backorder
}
# $change: later, earlier, known (there was no date before), unknown (there is none any more) or mixed.
headline-date-changed = { $change ->
    [later] Your order takes longer than expected
    [earlier] Your order comes sooner than expected
    [known] We have a date for your order
    [unknown] We no longer have a date for your order
   *[mixed] The dates of your order have changed
}
headline-overdue = Your order is running late
headline-restocked = { $count ->
    [one] An item you waited for is in stock
   *[other] { $count } items you waited for are in stock
}
headline-cancelled = A cancellation in your order
headline-still-waiting = Your order is still waiting for stock
headline-refund-owed = We owe you a refund
# $choice: wait, cancel or mixed.
headline-choice-received = { $choice ->
    [wait] Your answer has arrived: you will wait
    [cancel] Your request to cancel has arrived
   *[mixed] Your answers have arrived
}
headline-choice-refused = { $choice ->
    [cancel] We could not cancel this for you
   *[wait] We could not do what you asked for
}
headline-fresh-link = Here is your new link

hello = Hello,
# $name: the customer's name.
hello-name = Hello { $name },

intro-reply-needed = We have not heard from you yet. Please tell us whether you would rather wait or cancel; below you find what happens if you do not.
intro-backordered = Thank you for your order. Not all of it is in stock right now. Here is what we know, and what happens next.
# $change: as in headline-date-changed.
intro-date-changed = { $change ->
    [later] We are sorry: what you are waiting for comes later than planned.
    [earlier] Good news: what you are waiting for comes sooner than planned.
    [known] We now know when to expect what you are waiting for.
    [unknown] We are sorry: the expected date no longer holds, and we do not have a new one yet.
   *[mixed] The dates of what you are waiting for have changed.
}
intro-overdue = We are sorry: what you are waiting for has not come in as expected.
intro-restocked = Thank you for your patience. What you were waiting for has come in.
intro-cancelled = We are sorry to tell you that something you ordered was cancelled. Here is what it is about.
intro-still-waiting = There is no news yet of what you are waiting for. We write so that you know we have not forgotten you.
intro-refund-owed = We are sorry: what you are waiting for did not ship in time. You do not have to ask for your refund.
intro-choice-received = This mail confirms what you answered and when. It does not mean that it has been carried out already.
intro-choice-refused = We are sorry: what you asked for could not be done. Our support will write to you.
intro-fresh-link = You asked for a new link to your order. Please use only this one from now on: the links in our earlier mails no longer work.
choose-below = Below you can choose to wait or to cancel.

## One line of the order

status-reply-needed = Answer needed
status-backordered = On backorder
# $change: later, earlier, known or unknown.
status-date-changed = { $change ->
    [later] Later than planned
    [earlier] Sooner than planned
    [known] Date now known
   *[unknown] No date right now
}
status-overdue = Running late
status-restocked = In stock
status-cancelled = Cancelled
status-shipped = Sent
status-choice-received = Answer received
status-choice-refused = Not carried out
status-waiting = Still waiting

# $sku: the shop's item number.
item-number = Item no. { $sku }

label-quantity = Quantity
# $quantity of the customer's $whole number of pieces.
part = { $quantity } of your { $whole }
label-missing = Still missing
# $meaning: what kind of day it is: expected, shipping or delivery; unknown, if it is not known.
label-date = { $meaning ->
    [shipping] Ships by
    [delivery] Delivery by
    [unknown] Date
   *[expected] Expected
}
label-previous-date = Previously
date-unknown = not known yet
label-reason = Reason
label-answer-by = Answer by
label-answer = Your answer
# $choice: wait or cancel.
answered = { $choice ->
    [wait] I will wait
   *[cancel] Cancel this item
}
label-answered-at = Received
label-refused-because = Reason for refusal

next-dated = We will send it as soon as it is in, and write to you if the date changes.
next-undated = We will write to you as soon as we know a date.
next-rest-dated = The rest follows as soon as it is in. If the date changes, we will write to you.
next-rest-undated = We will write to you as soon as we know a date for the rest.
next-restocked = We are preparing it for shipment.
# Silence cancelled it, as a notice had said.
next-cancelled-unanswered = We had no answer from you by { $date }, and it had not shipped by then, so your order for it is cancelled, as we had told you.
next-cancelled = What was cancelled will not be sent. If you have already paid for it, we will refund you.
next-cancel-received = We are taking care of it, and will write to you if it cannot be done. Once it is cancelled, you get back what you have paid for it.
next-stands = Your order for it stands.
next-shipped = It is on its way to you.
nothing-to-do = There is nothing you need to do.

answer-wait = I will wait
answer-cancel = Cancel this item

## What the law has us say about one item. These sentences give the customer her rights: change the wording with care,
## and keep what each of them says.

# Where no rules give silence a meaning: a mere question.
ask = Would you rather wait for it, or cancel it?
silence-nothing = If you do not answer, nothing changes: your order stands, and nothing is cancelled.
# $date: the day of delivery that was agreed when ordering.
silence-nothing-agreed = If you do not answer, nothing changes: your order stands, nothing is cancelled, and your rights from the delivery date of { $date } stay as they are.

# Under the rules of the United States. $date: the new day of shipment.
offer-dated = You can wait for it until { $date }, or cancel it now and get a prompt refund.
offer-undated = We cannot say how long it will take. You can wait for it all the same, or cancel it now and get a prompt refund.
offer-still = You can still cancel it at any time before it ships, and get a prompt refund.
# The same after an answer, where other rules apply.
may-still-cancel = You can still cancel it until it ships.
# $date: the new day of shipment.
silence-consent = If you do not answer, you agree that we ship it on or before { $date }.
# $date: the last day to answer.
silence-cancels = If you do not answer by { $date } and it has not shipped by then, your order for it is cancelled automatically and you get a prompt refund.
silence-as-told = You do not have to answer: if you do not, what we told you before still holds.
wait-undated = If you choose to wait, you can still cancel at any time before it ships.
costs-nothing = Answering costs you nothing.
refund-owed = We owe you a prompt refund of what you have paid for it.
refund-because = It did not ship in time, and we did not ask you in time whether you want to wait for it.

# $count: how many items follow for which the same holds.
shared-notice = For each of the { $count } items that follow:

## Below the news

also-waiting = Also waiting in this order
# $count: how many lines there was no room for.
more-lines = { $count ->
    [one] One more line of your order is not shown here.
   *[other] { $count } more lines of your order are not shown here.
}
all-lines = See all of them
see-order = See your order and answer
see-answers = See your order and your answers

alternatives = In stock now
# $product: what the customer ordered.
instead-of = In place of { $product }

regards = Kind regards,

## Footer

# $email: the shop's support address.
questions = Questions? Write to { $email }.
# $shop: the shop's name. $order: the order's number.
why = You receive this mail because you placed order { $order } with { $shop }.

## The page behind the links of a mail
## ===================================

# $count: how many items wait.
page-headline-waiting = { $count ->
    [one] An item of your order is waiting
   *[other] { $count } items of your order are waiting
}
page-headline-closed = Nothing of your order is waiting
# $choice: wait or cancel, here and below.
page-headline-confirm = { $choice ->
    [wait] Wait for this item?
   *[cancel] Cancel this item?
}
page-intro = Tell us for each item whether you would like to wait for it or to cancel it. Nothing happens until you press a button.
page-intro-closed = What you were waiting for is sent, cancelled, or no longer part of the order. There is nothing to answer.
page-closed = No longer waiting

# $stands: waiting, ready, cancelling (the shop has not done it yet), shipped, cancelled or gone (the shop shows it no more).
page-status = { $stands ->
    [waiting] On backorder
    [ready] In stock
    [cancelling] Cancellation requested
    [shipped] Sent
    [cancelled] Cancelled
   *[gone] No longer in this order
}
page-next-ready = It is in stock, and we are preparing it for shipment.

# $date: the day of our last mail about the item.
page-told = As in our mail of { $date }.
page-told-newest = As in our newest mail, of { $date }. What our earlier mails said about this item no longer holds.

# What it means if the customer does not answer. Only the rules of the United States give silence a meaning.
page-silence-nothing = You need not answer. If you do not, nothing changes: your order stands, and we keep you informed.
page-silence-answered = You may still cancel until it is sent.
# $date: the day told.
page-silence-consent = If you do not answer, you agree to wait until { $date }.
# $date: the last day to answer.
page-silence-cancels = If we do not hear from you by { $date }, and have not sent it by then, this item is cancelled and you get your money back.
page-silence-over = The last day to answer was { $date }. If it was not sent by then, this item is cancelled and you get your money back.
page-agreed-until = You agreed to wait until { $date }. You may still cancel until it is sent.
page-agreed = You agreed to wait. You may still cancel at any time until it is sent.

# $at: day and time of the answer, with the time zone.
page-answered = { $choice ->
    [wait] You chose to wait, on { $at }.
   *[cancel] You chose to cancel, on { $at }.
}
page-cancel-recorded = We are passing it on to our order desk.
page-cancel-taken = Our order desk has it.
page-answer-overtaken = There has been newer news since. Would you still like to wait?
page-answer-refused = We could not carry this out. Support will write to you.
# $reason: the shop's own words.
page-answer-refused-because = We could not carry this out: { $reason }. Support will write to you.

# $quantity: the pieces that have not been sent.
page-confirm-what-cancel = This cancels everything of this item that has not been sent yet (quantity: { $quantity }). If you have already paid for it, you get your money back. This cannot be undone.
page-confirm-what-wait = Your order stands, and we send the item as soon as it is in. You may still cancel until it is sent.
# $date: the day that she agrees to.
page-confirm-what-wait-until = You agree to wait until { $date }. You may still cancel until it is sent.
page-confirm-what-wait-open = You agree to wait although there is no date. You may still cancel at any time until it is sent.
page-confirm = { $choice ->
    [wait] Yes, I will wait
   *[cancel] Yes, cancel this item
}
page-back = Show the whole order

page-recorded = { $choice ->
    [wait] Thank you. Your answer is recorded: you wait for this item. You will get a mail that confirms it.
   *[cancel] Thank you. Your answer is recorded: you cancel this item. You will get a mail that confirms it.
}
page-not-taken-shipped = This item has been sent already, so it cannot be cancelled or waited for any more.
page-not-taken-cancelled = This item is cancelled already, so there is nothing left to answer.
page-not-taken-gone = This item is no longer part of the order, so there is nothing left to answer.
page-not-taken-cancel-stands = You have cancelled this item, so it can no longer be waited for.
# $date: the last day to answer.
page-not-taken-late = You can no longer choose to wait: the last day to answer was { $date }.
page-not-taken-newer = There is newer news about this item than you had seen, so your answer was not recorded. Please read it and answer again.

# An old link
page-link-old = This link is too old
page-link-old-text = For your safety, links in our mails work for a limited time. We can send a fresh one to the mail address of the order.
page-link-fresh = Send a fresh link
page-link-sent = A fresh link is on its way
page-link-sent-text = We have sent it to the mail address of the order. It may take a few minutes. Please look into your spam folder too.
page-link-moved = This link is no longer used
page-link-moved-text = The order that it belonged to is no longer looked after under this mail address. Please use the link in our newest mail.

# Something is wrong with a link or a form
page-unknown = This link leads nowhere
page-unknown-text = It may have been cut off by your mail program. Please copy the whole link from the mail.
page-guessing = Too many wrong links
page-guessing-text = Please wait a minute and try again.
page-form = Your answer did not reach us
page-form-text = Nothing was changed. Please go back to the mail and open the link again.
page-failed = Something went wrong on our side
# $incident: a number by which support finds what happened.
page-failed-text = Please try again in a minute. If it stays so, tell us the number { $incident }.
