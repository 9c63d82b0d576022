//! Closed vocabularies of the op table, and sets of their words.

use std::{fmt, marker::PhantomData};

use serde::{Deserialize, Serialize};

/// A word that is not in the vocabulary.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {vocabulary} `{word}`; known are {}", quoted(.known))]
pub struct UnknownWord {
    /// What the word should have been: `tag`, `trait`.
    pub vocabulary: &'static str,
    pub word: String,
    pub known: &'static [&'static str],
}

fn quoted(words: &[&str]) -> String {
    words
        .iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// A word of a closed vocabulary of up to 32.
pub trait Word: Copy + PartialEq + 'static {
    /// All words, in the order of their positions.
    const ALL: &'static [Self];

    /// Its number in the vocabulary.
    fn position(self) -> u32;
}

/// A set of words.
#[derive(Serialize, Deserialize)]
#[serde(transparent, bound = "")]
pub struct WordSet<W> {
    bits: u32,
    #[serde(skip)]
    words: PhantomData<W>,
}

impl<W: Word> WordSet<W> {
    /// Adds the word.
    pub fn insert(&mut self, word: W) {
        self.bits |= 1 << word.position();
    }

    /// Whether the word is in the set.
    pub fn contains(&self, word: W) -> bool {
        self.bits & (1 << word.position()) != 0
    }

    /// The words, in the order of the vocabulary.
    pub fn iter(&self) -> impl Iterator<Item = W> + '_ {
        W::ALL.iter().copied().filter(|word| self.contains(*word))
    }

    /// Whether there is no word in it.
    pub fn is_empty(&self) -> bool {
        self.bits == 0
    }
}

impl<W: Word> FromIterator<W> for WordSet<W> {
    fn from_iter<I: IntoIterator<Item = W>>(words: I) -> Self {
        let mut set = Self::default();
        words.into_iter().for_each(|word| set.insert(word));
        set
    }
}

impl<W> Default for WordSet<W> {
    fn default() -> Self {
        Self {
            bits: 0,
            words: PhantomData,
        }
    }
}

impl<W> Clone for WordSet<W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W> Copy for WordSet<W> {}

impl<W> PartialEq for WordSet<W> {
    fn eq(&self, other: &Self) -> bool {
        self.bits == other.bits
    }
}

impl<W> Eq for WordSet<W> {}

impl<W: Word + fmt::Debug> fmt::Debug for WordSet<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// Defines an enum whose variants have each a spelling.
macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident, $vocabulary:literal { $($(#[$word_doc:meta])* $word:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$word_doc])* $word,)+
        }

        impl $name {
            const SPELLINGS: &'static [&'static str] = &[$($text),+];

            /// The word as files spell it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$word => $text,)+
                }
            }
        }

        impl $crate::words::Word for $name {
            const ALL: &'static [Self] = &[$(Self::$word),+];

            fn position(self) -> u32 {
                self as u32
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::words::UnknownWord;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($text => Ok(Self::$word),)+
                    _ => Err($crate::words::UnknownWord {
                        vocabulary: $vocabulary,
                        word: word.into(),
                        known: Self::SPELLINGS,
                    }),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use vocabulary;
