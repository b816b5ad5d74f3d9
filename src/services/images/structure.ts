/** What an image file's own structure says, without a pixel decoded. */
export interface ImageStructure {
  /** As the pixels are stored: not turned. */
  readonly width: number;
  readonly height: number;
  readonly hasAlpha: boolean;
  /** EXIF orientation 1..8; 1 for pixels that are upright. */
  readonly orientation: number;
  /** Whether JPEG's losses are in the picture already, so that it may be encoded so again. */
  readonly isLossy: boolean;
  /** Why it is not sure what size the picture has, such as a second header. */
  readonly contradiction: string | undefined;
  /** Why no picture can be in the file. */
  readonly problem: string | undefined;
  /** What is wrong with the file although its pixels may all be there: only decoding them can tell. */
  readonly damage: string | undefined;
  /** Why a loader that takes the stored numbers for sRGB would see another picture than a viewer shows. */
  readonly oddity: string | undefined;
  /** Behind the picture are others, which a loader might take for frames. */
  readonly hasMorePictures: boolean;
}

export type ImageType = 'image/png' | 'image/jpeg' | 'image/webp';
