/** Properties of an image file from its structure, without decoding a pixel. */
export interface ImageStructure {
  /** As the pixels are stored, before rotation. */
  readonly width: number;
  readonly height: number;
  readonly hasAlpha: boolean;
  /** EXIF orientation 1..8; 1 for upright pixels. */
  readonly orientation: number;
  /** Whether the image already has JPEG's losses, so that it may be encoded as JPEG again. */
  readonly isLossy: boolean;
  /** Why the size of the image is ambiguous, such as a second header. */
  readonly contradiction: string | undefined;
  /** Why there cannot be an image in the file. */
  readonly problem: string | undefined;
  /** Damage to the file although its pixels may all be there: only decoding can tell. */
  readonly damage: string | undefined;
  /** Why a loader that reads the values as sRGB would see another image than a viewer shows. */
  readonly oddity: string | undefined;
  /** Further images follow, which a loader might treat as frames. */
  readonly hasMorePictures: boolean;
}

export type ImageType = 'image/png' | 'image/jpeg' | 'image/webp';

/** The real properties of an upload. */
export interface InspectedImage {
  readonly mimeType: ImageType;
  /** Pixels as a viewer shows them: upright. */
  readonly width: number;
  readonly height: number;
  readonly hasAlpha: boolean;
  /** EXIF orientation 1..8, by which the stored pixels must be rotated to be upright. */
  readonly orientation: number;
  /**
   * `plain`: any loader sees what a viewer shows, once it is upright. `several`: the same, but further images follow
   * the first. `odd`: its colours, depth or structure must be converted.
   */
  readonly content: 'plain' | 'several' | 'odd';
  /** Whether it already has the losses of a JPEG. */
  readonly isLossy: boolean;
}
