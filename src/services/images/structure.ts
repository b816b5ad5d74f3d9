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

/** What an upload really is. */
export interface InspectedImage {
  readonly mimeType: ImageType;
  /** Pixels as a viewer shows them: upright. */
  readonly width: number;
  readonly height: number;
  readonly hasAlpha: boolean;
  /** EXIF orientation 1..8, by which the stored pixels must be turned to be upright. */
  readonly orientation: number;
  /**
   * `plain`: any loader sees what a viewer shows, once it is upright. `several`: the same, but
   * further pictures follow the first. `odd`: its colours, depth or structure must be converted.
   */
  readonly content: 'plain' | 'several' | 'odd';
  /** Whether it has the losses of a JPEG already. */
  readonly isLossy: boolean;
}
