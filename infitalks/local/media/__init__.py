"""The local media service: the part of Cloudinary's API that the app uses, in its own process.

Not for more than one machine, and not a part of the app: the app only knows CLOUDINARY_URL.
"""
