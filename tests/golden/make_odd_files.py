"""Make image files of which something is ignored, or whose form is out of the ordinary. Writes `images/odd/*`."""

from pathlib import Path

from make_inputs import picture
from PIL import Image, ImageCms

FOLDER = Path(__file__).parent / "images" / "odd"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    image = picture(61, 45, seed=5)
    image.convert("CMYK").save(FOLDER / "cmyk.jpg", quality=80)
    image.save(FOLDER / "progressive.jpg", quality=80, progressive=True)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image.save(FOLDER / "srgb.jpg", quality=80, icc_profile=profile)
    image.save(
        FOLDER / "pages.tiff",
        save_all=True,
        append_images=[Image.new("RGB", (9, 9))],
        compression="tiff_deflate",
    )


if __name__ == "__main__":
    main()
