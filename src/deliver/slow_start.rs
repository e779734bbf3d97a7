//! How many mails may be on their way to a relay at once: one at first, and one more with each that it takes.
//!
//! A relay that just came up, or came back, is not met with every connection at once. Each accepted mail doubles what
//! goes on beside it, as with Postfix's positive feedback of 1, so that a healthy relay has all connections after as
//! many mails as there are connections. An outage begins anew. Pure.

/// The turns that there are.
#[derive(Debug)]
pub struct Window {
    /// Once the relay is known to be well.
    most: usize,
    open: usize,
    taken: usize,
}

impl Window {
    pub fn new(most: usize) -> Window {
        Window { most, open: 1, taken: 0 }
    }

    /// Takes a turn, if there is one.
    pub fn take(&mut self) -> bool {
        let free = self.taken < self.open;
        self.taken += usize::from(free);
        free
    }

    /// Gives a turn back.
    pub fn give_back(&mut self) {
        self.taken = self.taken.saturating_sub(1);
    }

    /// It took a mail, or kept us waiting with one: there is a turn for one more.
    pub fn grow(&mut self) {
        self.open = self.most.min(self.open + 1);
    }

    /// It could not be reached, is at fault, or wants less.
    pub fn start_anew(&mut self) {
        self.open = 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many turns are free.
    fn free(window: &mut Window) -> usize {
        let free = std::iter::from_fn(|| window.take().then_some(())).count();
        (0..free).for_each(|_| window.give_back());
        free
    }

    #[test]
    fn each_mail_that_is_taken_makes_room_for_one_more_up_to_all_connections() {
        let mut window = Window::new(8);
        let mut rounds = Vec::new();
        for _ in 0..5 {
            let sent = free(&mut window);
            rounds.push(sent);
            (0..sent).for_each(|_| window.grow());
        }
        assert_eq!(rounds, [1, 2, 4, 8, 8]);
    }

    #[test]
    fn after_an_outage_it_begins_anew_and_what_is_under_way_counts() {
        let mut window = Window::new(8);
        (0..7).for_each(|_| window.grow());
        assert!(window.take() && window.take());
        window.start_anew();
        assert!(!window.take(), "two are still under way");
        window.give_back();
        window.give_back();
        assert_eq!(free(&mut window), 1);
    }
}
