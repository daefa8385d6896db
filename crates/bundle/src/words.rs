//! Text that came from the network, made fit for a page.

/// `text` for the inside of an element or of an attribute in double quotes; what would steer a page or turn the
/// direction of writing becomes `?`.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => {
                safe.push('?');
            }
            character if character.is_control() => safe.push('?'),
            character => safe.push(character),
        }
    }
    safe
}

/// At most so many characters of it.
pub(crate) fn short(text: &str, most: usize) -> String {
    let mut characters = text.chars();
    let mut kept: String = characters.by_ref().take(most).collect();
    if characters.next().is_some() {
        kept.pop();
        kept.push('…');
    }
    escaped(&kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_the_network_steers_a_page() {
        assert_eq!(escaped("<script>'\"&\u{202e}\x1b[2J"), "&lt;script&gt;&#39;&quot;&amp;??[2J");
        assert_eq!(escaped("Grüße, 你好"), "Grüße, 你好");
        assert_eq!(short("überlang", 5), "über…");
        assert_eq!(short("a&b", 3), "a&amp;b");
    }
}
