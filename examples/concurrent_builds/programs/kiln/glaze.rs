// Does not compile: wetness is a number with a fraction. This build is there to fail.
pub fn coats() -> u32 {
    clay::wetness()
}
