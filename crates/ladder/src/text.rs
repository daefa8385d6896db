//! Text that came from the network, made fit for a terminal: each character takes one cell and steers nothing.

/// At most `most` characters of `text`, the last of them an ellipsis where there was more. Control characters become
/// `?`, and so do those that may take no cell or two, or turn the direction of writing.
pub(crate) fn fit(text: &str, most: usize) -> String {
    let mut characters = text.chars();
    let mut fitted: String = characters.by_ref().take(most).map(one_cell).collect();
    if characters.next().is_some() {
        fitted.pop();
        fitted.push('…');
    }
    fitted
}

fn one_cell(character: char) -> char {
    const SOFT_HYPHEN: char = '\u{ad}';
    match character {
        SOFT_HYPHEN => '?',
        // ASCII; Latin with its supplements; Greek and Cyrillic without their combining marks; our own ellipsis.
        ' '..='~' | '\u{a1}'..='\u{2ff}' | '\u{370}'..='\u{482}' | '\u{48a}'..='\u{52f}' | '…' => character,
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_takes_one_cell() {
        assert_eq!(fit("Grüße, Ω, Привет", 40), "Grüße, Ω, Привет");
    }

    #[test]
    fn disarms_what_steers_a_terminal() {
        assert_eq!(fit("\x1b[31mred\r\n\t\u{9b}\u{7f}", 40), "?[31mred?????");
        assert_eq!(fit("a\u{202e}b\u{200b}c\u{301}d\u{ad}e\u{4f60}", 40), "a?b?c?d?e?");
    }

    #[test]
    fn cuts_at_characters_and_says_so() {
        assert_eq!(fit("überlang", 8), "überlang");
        assert_eq!(fit("überlang", 5), "über…");
        assert_eq!(fit("x", 0), "…");
    }
}
