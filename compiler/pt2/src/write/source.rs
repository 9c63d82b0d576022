//! Parts of an archive that are copied into another as they are.

use crate::archive::{Archive, ArchiveLayout};
use crate::bytes::SharedBytes;
use crate::error::Error;

impl Archive {
    /// The pickled sample inputs; none if the archive has none.
    ///
    /// # Errors
    /// If the entry's checksum is wrong.
    pub fn sample_inputs_pickle(&self) -> Result<Option<SharedBytes>, Error> {
        self.present(match self.layout() {
            ArchiveLayout::Flat => "serialized_example_inputs.pt".to_owned(),
            ArchiveLayout::Rooted { root } => {
                format!("{root}data/sample_inputs/{}.pt", self.program_name())
            }
        })
    }

    fn present(&self, entry: String) -> Result<Option<SharedBytes>, Error> {
        match self.zip().get(&entry) {
            Some(_) => self.checked(&entry).map(Some),
            None => Ok(None),
        }
    }
}
